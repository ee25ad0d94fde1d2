/** Builds an image with a Docker engine. */
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { type ContextEntry, fillTar } from './context.ts';

export interface Build {
  /** How the image is called. */
  tag: string;
  context: ContextEntry[];
  /** Its name in the context. */
  dockerfile?: string;
  target?: string;
  args?: Record<string, string>;
  /** What `isBuilt` knows it by. */
  state?: string;
}

/** True when the engine has an image of that name, built when what it depends on was in this state. */
export async function isBuilt(docker: Docker, tag: string, state: string): Promise<boolean> {
  const images = await docker.listImages({ filters: { reference: [tag], label: [`${STATE}=${state}`] } });
  return images.length > 0;
}

const STATE = 'sluice.state';

interface Progress {
  stream?: string;
  error?: string;
}

/** `onLine` is told what the engine says meanwhile. */
export async function buildImage(
  docker: Docker,
  build: Build,
  onLine?: (line: string) => void,
): Promise<void> {
  const { tag, context, dockerfile = 'Dockerfile', target, args, state } = build;
  const tar = pack();
  const options = {
    t: tag,
    dockerfile,
    target,
    buildargs: args,
    labels: { ...(state && { [STATE]: state }) },
    forcerm: true,
  };
  const [answers] = await Promise.all([docker.buildImage(tar, options), fillTar(tar, context)]);
  let failure: string | undefined;
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const finish = (error: Error | null) => (error ? reject(error) : resolve());
  const said: string[] = [];
  docker.modem.followProgress(answers, finish, ({ stream, error }: Progress) => {
    failure ??= error;
    for (const line of (stream ?? '').split('\n').filter(each => each.trim())) {
      said.push(line);
      onLine?.(line);
    }
  });
  await ended;
  if (failure !== undefined)
    throw new Error(`the image ${tag} cannot be built: ${failure}\n${said.slice(-20).join('\n')}`);
}
