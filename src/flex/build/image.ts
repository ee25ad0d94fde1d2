/** Builds the image of a template on the engine. */
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { engineError, isAbsent, saidBy, statusOf } from '../../launchers/docker/engine.ts';
import { WORKER_LABEL } from '../../worker/container.ts';
import { contextOf, DOCKERFILE } from './context.ts';
import { type BaseImage, dockerfileOf } from './dockerfile.ts';
import { linesOf } from './engine-lines.ts';
import { hasRegistry } from './name.ts';
import type { PackedTemplate } from './pack.ts';
import { pullImage } from './registry.ts';
import { followSteps } from './steps.ts';

export interface BuildRequest {
  /** With its tag. */
  name: string;
  base: string;
  /** Every step is made anew. */
  noCache: boolean;
  /** Told each line of what the engine says. */
  tell(line: string): void;
  /** Stops the build. */
  signal?: AbortSignal;
}

export interface BuiltImage {
  name: string;
  /** `sha256:…`. */
  id: string;
  /** Digests of its layers: the same input gives the same ones. */
  layers: string[];
}

/**
 * Builds the image; one that fails leaves nothing behind.
 * @throws SluiceError ENGINE_UNREACHABLE, IMAGE_NOT_FOUND for the base, IMAGE_INVALID, IMAGE_BUILD_FAILED
 */
export async function buildImage(
  config: Config,
  engine: Docker,
  packed: PackedTemplate,
  request: BuildRequest,
): Promise<BuiltImage> {
  const { name, noCache, tell, signal } = request;
  const base = await baseOf(config, engine, request);
  const context = await contextOf(packed, await dockerfileOf(packed, name, base));
  const steps = followSteps(tell);
  try {
    const answer = await engine.buildImage(context, {
      t: name,
      dockerfile: DOCKERFILE,
      nocache: noCache,
      rm: true,
      forcerm: true,
      ...(signal && { abortSignal: signal }),
    });
    for await (const line of linesOf(answer)) steps.take(line);
  } catch (error) {
    await removeImages(engine, steps.made());
    // So it refuses a Dockerfile that it cannot parse.
    if (statusOf(error) === 400) throw failed(name, saidBy(error), error);
    throw engineError(error, config);
  }
  const fault = steps.fault();
  if (fault !== undefined) {
    await removeImages(engine, steps.made());
    throw failed(name, fault);
  }
  const { Id: id, RootFS, Config: made } = await engine.getImage(name).inspect();
  if (String(made.Entrypoint) !== base.entrypoint) {
    await engine.getImage(name).remove();
    throw new SluiceError(
      'IMAGE_INVALID',
      `${name} would not start as ${base.name} does: leave FROM, ENTRYPOINT and CMD out of Dockerfile.hbs`,
    );
  }
  return { name, id, layers: RootFS.Layers ?? [] };
}

const failed = (name: string, why: string, cause?: unknown): SluiceError =>
  new SluiceError('IMAGE_BUILD_FAILED', `the image ${name} cannot be built: ${why}`, { cause });

async function baseOf(
  config: Config,
  engine: Docker,
  { base: name, tell }: BuildRequest,
): Promise<BaseImage & { entrypoint: string }> {
  try {
    const base = engine.getImage(name);
    const known = await base.inspect().catch(async error => {
      if (!isAbsent(error) || !hasRegistry(name)) throw error;
      await pullImage(engine, name, tell);
      return base.inspect();
    });
    const { User: user, Entrypoint: entrypoint, Labels: labels } = known.Config;
    if (!labels?.[WORKER_LABEL])
      throw new SluiceError(
        'IMAGE_INVALID',
        `the image ${name} holds no worker of Sluice to build on: make one with \`npm run images\`, and name that with --base`,
      );
    return { name, user: user || '0:0', entrypoint: String(entrypoint) };
  } catch (error) {
    if (!isAbsent(error)) throw engineError(error, config);
    throw new SluiceError(
      'IMAGE_NOT_FOUND',
      `there is no image ${name} to build on: make it with \`npm run images\`, or name another with --base`,
      { cause: error },
    );
  }
}

const REMOVAL_TRIES = 50;
const REMOVAL_PAUSE_MS = 100;
const CONFLICT = 409;

async function removeImages(engine: Docker, ids: string[]): Promise<void> {
  for (const id of ids) await removeImage(engine, id);
}

/** The container of a step that was stopped holds its image until the engine has removed it. */
async function removeImage(engine: Docker, id: string, tries = REMOVAL_TRIES): Promise<void> {
  try {
    await engine.getImage(id).remove({ noprune: true });
  } catch (error) {
    // What something else builds on by now stays.
    if (statusOf(error) !== CONFLICT || tries === 0) return;
    await sleep(REMOVAL_PAUSE_MS);
    await removeImage(engine, id, tries - 1);
  }
}
