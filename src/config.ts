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
  /** `BIGQUERY_EMULATOR_HOST`: a BigQuery to use instead of the local warehouse. */
  bigqueryHost?: string;
  /** `BIGQUERY_STORAGE_GRPC_ENDPOINT`: where the Storage API of that emulator listens, `host:port`. */
  bigqueryStorageHost?: string;
  /** `GOOGLE_CLOUD_PROJECT`: the project of names that say none; absent: that of the credentials. */
  googleProject?: string;
  /** `STORAGE_EMULATOR_HOST`: a Cloud Storage to use for `gs://` instead of folders of this machine. */
  storageHost?: string;
  /** `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`: the S3 that `s3://` means, where it is not Amazon's own. */
  s3Endpoint?: string;
  /** `AWS_REGION` or `AWS_DEFAULT_REGION`; absent: what the files of AWS say. */
  s3Region?: string;
  /** `GOOGLE_APPLICATION_CREDENTIALS`: with it and no emulator, Google's own services are used. */
  googleCredentials?: string;
  /** `SLUICE_ROOTS`, separated by `:`: the folders whose files jobs may touch. Absent: no server, no limits. */
  roots?: string[];
  /** `SLUICE_SECRET_ENV`, separated by commas: the variables that `secret://env/NAME` may name in a server. */
  secretEnv?: string[];
  /** `SLUICE_SECRET_ROOT`: the folder of the files that `secret://file/PATH` may name in a server. */
  secretRoot?: string;
  /** `SLUICE_LAUNCHER`: how workers are started where a launch does not say it (default: as processes). */
  launcher?: 'process' | 'docker';
  /** `DOCKER_HOST`: the engine that containers run on (default: the one of this machine). */
  dockerHost?: string;
  /** `SLUICE_ALLOWED_IMAGES`, separated by commas: names with `*`, or digests. Absent: containers may be made from any. */
  allowedImages?: string[];
  /** `SLUICE_WORKER_IMAGE`: what the containers of jobs are made from (default `sluice-worker:<version>`). */
  workerImage?: string;
  /** `SLUICE_DOCKER_NETWORK`: the network of containers that need one, instead of the one that Sluice keeps. */
  dockerNetwork?: string;
  /** `SLUICE_PUBSUB_SOCKET`: in a container, the socket by which the embedded Pub/Sub of its machine is reached. */
  pubsubSocket?: string;
  /** `SLUICE_SECRETS_FILE`: in a container, the file that holds what references to secrets mean. */
  secretsFile?: string;
}

export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const home = resolve(env.SLUICE_HOME || join(homedir(), '.sluice'));
  const checkpointMs = Number(env.SLUICE_CHECKPOINT_MS);
  const roots = listOf(env.SLUICE_ROOTS, delimiter).map(root => resolve(root));
  const secretEnv = listOf(env.SLUICE_SECRET_ENV, ',');
  const s3Endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const s3Region = env.AWS_REGION || env.AWS_DEFAULT_REGION;
  return {
    home,
    ...(checkpointMs > 0 && { checkpointMs }),
    ...(env.PUBSUB_EMULATOR_HOST && { pubsubHost: env.PUBSUB_EMULATOR_HOST }),
    ...(env.BIGQUERY_EMULATOR_HOST && { bigqueryHost: env.BIGQUERY_EMULATOR_HOST }),
    ...(env.BIGQUERY_STORAGE_GRPC_ENDPOINT && { bigqueryStorageHost: env.BIGQUERY_STORAGE_GRPC_ENDPOINT }),
    ...(env.GOOGLE_CLOUD_PROJECT && { googleProject: env.GOOGLE_CLOUD_PROJECT }),
    ...(env.STORAGE_EMULATOR_HOST && { storageHost: env.STORAGE_EMULATOR_HOST }),
    ...(s3Endpoint && { s3Endpoint }),
    ...(s3Region && { s3Region }),
    ...(env.GOOGLE_APPLICATION_CREDENTIALS && { googleCredentials: env.GOOGLE_APPLICATION_CREDENTIALS }),
    // Set and empty means that nothing is allowed, not everything.
    ...(env.SLUICE_ROOTS !== undefined && { roots }),
    ...(secretEnv.length > 0 && { secretEnv }),
    ...(env.SLUICE_SECRET_ROOT && { secretRoot: resolve(env.SLUICE_SECRET_ROOT) }),
    ...(env.SLUICE_LAUNCHER === 'docker' && { launcher: 'docker' }),
    ...(env.DOCKER_HOST && { dockerHost: env.DOCKER_HOST }),
    // Set and empty means that none is allowed.
    ...(env.SLUICE_ALLOWED_IMAGES !== undefined && { allowedImages: listOf(env.SLUICE_ALLOWED_IMAGES, ',') }),
    ...(env.SLUICE_WORKER_IMAGE && { workerImage: env.SLUICE_WORKER_IMAGE }),
    ...(env.SLUICE_DOCKER_NETWORK && { dockerNetwork: env.SLUICE_DOCKER_NETWORK }),
    ...(env.SLUICE_PUBSUB_SOCKET && { pubsubSocket: env.SLUICE_PUBSUB_SOCKET }),
    ...(env.SLUICE_SECRETS_FILE && { secretsFile: env.SLUICE_SECRETS_FILE }),
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
