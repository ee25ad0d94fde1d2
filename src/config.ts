/** Where Sluice keeps things and what it talks to: the environment, read once into one typed object. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Config {
  /** `SLUICE_HOME` (default `~/.sluice`): jobs, the user's templates and UDFs, the local cloud. */
  home: string;
  /** `SLUICE_CHECKPOINT_MS`: how often a job takes a checkpoint (default 1 s in a stream, 5 s otherwise). */
  checkpointMs?: number;
  /** `PUBSUB_EMULATOR_HOST`: a Pub/Sub to use instead of the embedded one. */
  pubsubHost?: string;
  /** `GOOGLE_APPLICATION_CREDENTIALS`: with it and no emulator, Google's own services are used. */
  googleCredentials?: string;
}

export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const home = resolve(env.SLUICE_HOME || join(homedir(), '.sluice'));
  const checkpointMs = Number(env.SLUICE_CHECKPOINT_MS);
  return {
    home,
    ...(checkpointMs > 0 && { checkpointMs }),
    ...(env.PUBSUB_EMULATOR_HOST && { pubsubHost: env.PUBSUB_EMULATOR_HOST }),
    ...(env.GOOGLE_APPLICATION_CREDENTIALS && { googleCredentials: env.GOOGLE_APPLICATION_CREDENTIALS }),
  };
}

/** The folder of a job: its spec, checkpoint and log. */
export const jobDirectory = (config: Config, jobId: string): string => join(config.home, 'jobs', jobId);

/** The folder that stands for Cloud Storage: `gs://bucket/object` is `<it>/bucket/object`. */
export const storageDirectory = (config: Config): string => join(config.home, 'cloud', 'gs');

/** The folder of the embedded Pub/Sub. */
export const pubsubDirectory = (config: Config): string => join(config.home, 'cloud', 'pubsub');
