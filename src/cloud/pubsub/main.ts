/**
 * The embedded Pub/Sub as a process of its own: `main.ts DIRECTORY IDLE_MS`. Ends when nobody has been connected
 * for that long; exits with LOCKED_STATUS when another process already serves the folder.
 */
import { randomUUID } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { announce, readAnnouncement } from './announcement.ts';
import { LOCKED_STATUS } from './locked.ts';
import { servePubsub } from './server.ts';
import { SOCKET } from './socket.ts';
import { isLocked } from './store.ts';

const [directory = '', idleMs = ''] = process.argv.slice(2);
const identity = randomUUID();
const before = readAnnouncement(directory);

try {
  const server = await servePubsub({
    directory,
    // The port of the last one, so that its clients find the new one.
    ports: [...(before ? [before.port] : []), 0],
    // By its short name, from the folder we are started in.
    socket: SOCKET,
    identity,
    idle: { afterMs: Number(idleMs), call: end },
  });
  announce(directory, { pid: process.pid, port: server.port, identity });
  flushCompileCache();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  process.once('exit', server.close);
} catch (error) {
  if (isLocked(error)) process.exit(LOCKED_STATUS);
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}

function end(): void {
  process.exit(0);
}
