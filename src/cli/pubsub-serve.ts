/** `sluice pubsub serve`: the embedded Pub/Sub in the foreground. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { announce, readAnnouncement } from '../cloud/pubsub/announcement.ts';
import { servePubsub } from '../cloud/pubsub/server.ts';
import { isLocked } from '../cloud/pubsub/store.ts';
import { loadConfig, pubsubDirectory } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';

export async function serve(port: number): Promise<void> {
  const directory = pubsubDirectory(loadConfig());
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const identity = randomUUID();
  const server = await servePubsub({ directory, ports: [port], identity }).catch((error: unknown) => {
    throw explained(error, directory, port);
  });
  announce(directory, { pid: process.pid, port: server.port, identity });
  process.stdout.write(`export PUBSUB_EMULATOR_HOST=127.0.0.1:${server.port}\n`);
  process.stderr.write(`serving Pub/Sub from ${directory}; Ctrl-C ends it\n`);
  const ended = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.resolve());
  await ended.promise;
  server.close();
  process.exit(0);
}

function explained(error: unknown, directory: string, port: number): unknown {
  if (isLocked(error)) {
    const other = readAnnouncement(directory);
    const where = other ? ` by process ${other.pid}, on 127.0.0.1:${other.port}` : '';
    return new SluiceError(
      'SERVICE_UNREACHABLE',
      `${directory} is served already${where}; it ends 30 s after its last client`,
      { cause: error },
    );
  }
  if (systemCode(error) === 'EADDRINUSE')
    return new SluiceError('SERVICE_UNREACHABLE', `port ${port} is in use: choose another with --port`, {
      cause: error,
    });
  return error;
}
