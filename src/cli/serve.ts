/** `sluice serve`: the service, until it is asked to stop. */
import { statSync } from 'node:fs';
import { availableParallelism, hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { RunningServer } from '../api/server.ts';
import { SluiceError } from '../errors.ts';
import { wholeNumber } from './numbers.ts';
import { printJson } from './output.ts';

interface ServeOptions {
  host: string;
  port: number;
  grpcPort: number;
  maxJobs: number;
  root?: string[];
  launcher?: 'process' | 'docker';
  dockerNetwork?: string;
  allowImage?: string[];
  requestsPerMinute?: number;
  drain?: boolean;
  logFile?: string;
  logLevel: string;
  retainDays: number;
  retainBytes?: number;
  json?: boolean;
}

/** Most jobs wait for something most of the time. */
const JOBS_PER_CORE = 4;
const DAY_MS = 86_400_000;

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('run jobs for a team: Dataflow’s API, and our own')
    .option(
      '--host <address>',
      'address to serve at; others than this machine’s own need tokens',
      '127.0.0.1',
    )
    .option('--port <n>', 'port of HTTP, 0 for any', port, 8080)
    .option('--grpc-port <n>', 'port of gRPC, 0 for any', port, 8081)
    .option(
      '--max-jobs <n>',
      'how many jobs run at the same time',
      wholeNumber(1, 10_000),
      JOBS_PER_CORE * availableParallelism(),
    )
    .option('--root <dir...>', 'folders whose files jobs may read and write (default: none but gs://)')
    .addOption(
      new Option('--launcher <name>', 'how workers are started where a launch does not say it').choices([
        'process',
        'docker',
      ]),
    )
    .option(
      '--allow-image <pattern...>',
      'images that containers may be made from: names with *, or digests (default: all)',
    )
    .option('--docker-network <name>', 'the network of containers that need one (default: one of their own)')
    .option('--requests-per-minute <n>', 'how often each token or address may ask', wholeNumber(1, 1e9))
    .option('--drain', 'when stopped, drain streaming jobs first, instead of leaving workers at work')
    .option('--log-file <file>', 'log to this file, rotated by size, instead of stderr')
    .addOption(
      new Option('--log-level <level>', 'the least that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .option(
      '--retain-days <n>',
      'how long the files and messages of ended jobs are kept',
      wholeNumber(0, 36_500),
      30,
    )
    .option('--retain-bytes <n>', 'how much they may take together', wholeNumber(0, 2 ** 50))
    .option('--json', 'print the addresses as JSON')
    .action(serve);
}

const port = wholeNumber(0, 65_535);

async function serve(options: ServeOptions): Promise<void> {
  const [
    { tokensIn },
    { loadConfig },
    { startServer },
    { consoleOf },
    { openLog },
    { openService },
    { openSupervisor },
  ] = await Promise.all([
    import('../access/tokens.ts'),
    import('../config.ts'),
    import('../api/server.ts'),
    import('../console/console.ts'),
    import('../service/log.ts'),
    import('../service/service.ts'),
    import('../jobs/supervisor.ts'),
  ]);
  const stopped = stopSignal();
  const { host, port, grpcPort, maxJobs, requestsPerMinute, retainDays } = options;
  const maxBytes = options.retainBytes ?? Number.POSITIVE_INFINITY;
  const retention = { maxAgeMs: retainDays * DAY_MS, maxBytes };
  const given = loadConfig();
  const roots = options.root?.map(root => resolve(root)) ?? given.roots ?? [];
  for (const root of roots)
    if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
      throw new SluiceError('USAGE', `--root ${root}: there is no such folder; make it, or name another`);
  const config = {
    ...given,
    roots,
    ...(options.launcher && { launcher: options.launcher }),
    ...(options.allowImage && { allowedImages: options.allowImage }),
    ...(options.dockerNetwork && { dockerNetwork: options.dockerNetwork }),
  };
  const { log, close: closeLog } = await openLog({ file: options.logFile, level: options.logLevel });
  // A fault of ours in one request is no reason to stop serving the others; the jobs' workers go on in either case.
  process.on('unhandledRejection', error =>
    log.error({ err: error }, 'something failed that nobody waited for'),
  );
  const server = await startServer({
    config,
    host,
    port,
    grpcPort,
    requestsPerMinute,
    pages: consoleOf,
    open: () => openService(config, { log, maxJobs, retention, openSupervisor }),
  }).catch(async error => {
    await closeLog();
    throw error;
  });
  tellAddresses(server, tokensIn(server.service.store).exist(), options);
  log.info({ url: server.url, grpcPort: server.grpcPort, pid: process.pid }, 'serving');
  const signal = await stopped;
  log.info({ signal, ...(options.drain && { drain: true }) }, 'stopping');
  await server.close({ drain: options.drain ?? false });
  log.info('stopped');
  await closeLog();
  process.exit(0);
}

function tellAddresses(
  { url: bound, grpcPort }: RunningServer,
  hasTokens: boolean,
  { json }: ServeOptions,
): void {
  const url = reachable(bound);
  if (json) {
    printJson({ url, grpcPort, pid: process.pid });
    return;
  }
  const { hostname: host } = new URL(url);
  const credentials = hasTokens ? 'AUTH_ACCESS_TOKEN_FILE=FILE' : 'AUTH_DISABLE_CREDENTIALS=true';
  process.stdout.write(`Sluice serves at ${url}, gRPC at ${host}:${grpcPort}; the reference is at ${url}/reference
Open ${url} in a browser for the console.

  export SLUICE_SERVER=${url}                                   # sluice launch, jobs …
  export CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW=${url}/       # gcloud dataflow …
  export CLOUDSDK_${credentials} CLOUDSDK_CORE_PROJECT=local
${hasTokens ? '  export SLUICE_TOKEN=$(cat FILE)      # FILE holds a token that `sluice token create` has made\n' : ''}
`);
}

/** The address as others can use it: one that stands for all of this machine's is none to connect to. */
function reachable(url: string): string {
  const address = new URL(url);
  if (address.hostname !== '0.0.0.0' && address.hostname !== '[::]') return url;
  const interfaces = Object.values(networkInterfaces()).flatMap(each => each ?? []);
  const outer = interfaces.find(({ internal, family }) => !internal && family === 'IPv4');
  return `http://${outer?.address ?? hostname()}:${address.port}`;
}

/** The first signal asks to stop; another one ends the process at once: the workers go on, and are found again. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
        asked = true;
        resolve(signal);
      });
    }
  });
}
