/** What a worker gets of the environment: what it may need, and nothing else of what its launcher knows. */
import { type Config, limitsEnvironment } from '../config.ts';

const NAMES = new Set([
  'HOME',
  'LANG',
  'LD_LIBRARY_PATH',
  'LOGNAME',
  'NODE_COMPILE_CACHE',
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'PATH',
  'SHELL',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
  'TMPDIR',
  'TZ',
  'USER',
]);
/** Sluice's own, the languages, the clients of Google and of Amazon, and the emulators of Google's services. */
const PATTERNS = [/^SLUICE_/, /^LC_/, /^(?:GOOGLE|GCLOUD|CLOUDSDK|GCE|GRPC|AWS)_/, /_EMULATOR_HOST$/];
const PROXIES = /^(?:https?|no|all|grpc)_proxy$/i;
/** Whoever holds it may command the server. */
const TOKEN = 'SLUICE_TOKEN';

export function workerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => isForWorkers(name)));
}

/** The variables that a configuration is read from, so that the worker has the same one, and the secrets it lists. */
export function environmentOf(config: Config): NodeJS.ProcessEnv {
  const { home, checkpointMs, pubsubHost, googleCredentials, secretEnv = [] } = config;
  const { bigqueryHost, bigqueryStorageHost, googleProject, storageHost, s3Endpoint, s3Region } = config;
  return {
    ...Object.fromEntries(secretEnv.map(name => [name, process.env[name]])),
    ...limitsEnvironment(config),
    SLUICE_HOME: home,
    ...(checkpointMs !== undefined && { SLUICE_CHECKPOINT_MS: String(checkpointMs) }),
    ...(pubsubHost !== undefined && { PUBSUB_EMULATOR_HOST: pubsubHost }),
    ...(bigqueryHost !== undefined && { BIGQUERY_EMULATOR_HOST: bigqueryHost }),
    ...(bigqueryStorageHost !== undefined && { BIGQUERY_STORAGE_GRPC_ENDPOINT: bigqueryStorageHost }),
    ...(googleProject !== undefined && { GOOGLE_CLOUD_PROJECT: googleProject }),
    ...(storageHost !== undefined && { STORAGE_EMULATOR_HOST: storageHost }),
    ...(s3Endpoint !== undefined && { AWS_ENDPOINT_URL_S3: s3Endpoint }),
    ...(s3Region !== undefined && { AWS_REGION: s3Region }),
    ...(googleCredentials !== undefined && { GOOGLE_APPLICATION_CREDENTIALS: googleCredentials }),
  };
}

const isForWorkers = (name: string): boolean =>
  name !== TOKEN && (NAMES.has(name) || PROXIES.test(name) || PATTERNS.some(pattern => pattern.test(name)));
