/** Where Sluice keeps things and what it talks to: the environment, read once into one typed object. */
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

export interface Config {
  /** `SLUICE_HOME` (default `~/.sluice`): jobs, the user's templates and UDFs, the local cloud. */
  home: string;
  /** `SLUICE_CHECKPOINT_MS`: how often a job takes a checkpoint (default 1 s in a stream, 5 s otherwise). */
  checkpointMs?: number;
  /** `PUBSUB_EMULATOR_HOST`: a Pub/Sub to use instead of the embedded one. */
  pubsubHost?: string;
  /** `GOOGLE_APPLICATION_CREDENTIALS`: with it and no emulator, Google's own services are used. */
  googleCredentials?: string;
  /** `SLUICE_ROOTS`, separated by `:`: the folders whose files jobs may touch. Absent: no server, no limits. */
  roots?: string[];
  /** `SLUICE_SECRET_ENV`, separated by commas: the variables that `secret://env/NAME` may name in a server. */
  secretEnv?: string[];
  /** `SLUICE_SECRET_ROOT`: the folder of the files that `secret://file/PATH` may name in a server. */
  secretRoot?: string;
}

export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const home = resolve(env.SLUICE_HOME || join(homedir(), '.sluice'));
  const checkpointMs = Number(env.SLUICE_CHECKPOINT_MS);
  const roots = listOf(env.SLUICE_ROOTS, delimiter).map(root => resolve(root));
  const secretEnv = listOf(env.SLUICE_SECRET_ENV, ',');
  return {
    home,
    ...(checkpointMs > 0 && { checkpointMs }),
    ...(env.PUBSUB_EMULATOR_HOST && { pubsubHost: env.PUBSUB_EMULATOR_HOST }),
    ...(env.GOOGLE_APPLICATION_CREDENTIALS && { googleCredentials: env.GOOGLE_APPLICATION_CREDENTIALS }),
    // Set and empty means that nothing is allowed, not everything.
    ...(env.SLUICE_ROOTS !== undefined && { roots }),
    ...(secretEnv.length > 0 && { secretEnv }),
    ...(env.SLUICE_SECRET_ROOT && { secretRoot: resolve(env.SLUICE_SECRET_ROOT) }),
  };
}

/** What a process of ours needs in its environment to see the same limits: `loadConfig` reads them there. */
export function limitsEnvironment({ roots, secretEnv = [], secretRoot }: Config): NodeJS.ProcessEnv {
  return {
    ...(roots && { SLUICE_ROOTS: roots.join(delimiter) }),
    ...(secretEnv.length > 0 && { SLUICE_SECRET_ENV: secretEnv.join(',') }),
    ...(secretRoot !== undefined && { SLUICE_SECRET_ROOT: secretRoot }),
  };
}

const listOf = (text: string | undefined, separator: string): string[] =>
  (text ?? '').split(separator).flatMap(each => each.trim() || []);

/** The folder of a job: its spec, checkpoint and log. */
export const jobDirectory = (config: Config, jobId: string): string => join(config.home, 'jobs', jobId);

/** The folder that stands for Cloud Storage: `gs://bucket/object` is `<it>/bucket/object`. */
export const storageDirectory = (config: Config): string => join(config.home, 'cloud', 'gs');

/** The folder of the embedded Pub/Sub. */
export const pubsubDirectory = (config: Config): string => join(config.home, 'cloud', 'pubsub');
