/** Builds an image of ours with a Docker engine. */
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { linesOf } from '../../src/flex/build/engine-lines.ts';
import { followSteps } from '../../src/flex/build/steps.ts';
import { statusOf } from '../../src/launchers/docker/engine.ts';
import { type ContextEntry, fillTar } from './context.ts';

export interface Build {
  /** How the image is called. */
  tag: string;
  context: ContextEntry[];
  target?: string;
  args?: Record<string, string>;
  /** What `isBuilt` knows it by. */
  state?: string;
}

export type Tell = (line: string) => void;

const STATE = 'sluice.state';

/** Throws with what the failed step has said. `tell` hears of each step. Gives the images that were made on the way, the last first. */
export async function buildImage(docker: Docker, build: Build, tell: Tell = () => {}): Promise<string[]> {
  const { tag, context, target, args, state } = build;
  const tar = pack();
  const labels: Record<string, string> = state === undefined ? {} : { [STATE]: state };
  const options = { t: tag, target, buildargs: args, labels, forcerm: true };
  const [answer] = await Promise.all([docker.buildImage(tar, options), fillTar(tar, context)]);
  const steps = followSteps(tell);
  for await (const line of linesOf(answer)) steps.take(line);
  const fault = steps.fault();
  if (fault !== undefined) throw new Error(`the image ${tag} cannot be built: ${fault}`);
  return steps.made();
}

/** Removes those of the images that have no name, and that nothing builds on. */
export async function removeUnnamed(docker: Docker, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const image = docker.getImage(id);
    const { RepoTags: names = [] } = await image.inspect();
    if (names.length > 0) continue;
    await image.remove({ noprune: true }).catch(error => {
      if (statusOf(error) !== CONFLICT) throw error;
    });
  }
}

const CONFLICT = 409;

/** True when the engine has an image of that name, built when what it depends on was in this state. */
export async function isBuilt(docker: Docker, tag: string, state: string): Promise<boolean> {
  const images = await docker.listImages({ filters: { reference: [tag], label: [`${STATE}=${state}`] } });
  return images.length > 0;
}
