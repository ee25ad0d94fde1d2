/** Google's Pub/Sub emulator, where the machine has it: the reference for what a Pub/Sub does. */
import { spawn } from 'node:child_process';
import { existsSync, globSync, realpathSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Service {
  host: string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

/** The jar of the emulator, found beside `gcloud`; undefined when it or Java is missing. */
export function findEmulator(): { java: string; jar: string } | undefined {
  const [gcloud, java] = [onPath('gcloud'), onPath('java')];
  if (!gcloud || !java) return undefined;
  const lib = join(dirname(realpathSync(gcloud)), '..', 'platform', 'pubsub-emulator', 'lib');
  const [jar] = globSync(join(lib, 'cloud-pubsub-emulator-*-all.jar'));
  return jar ? { java, jar } : undefined;
}

/** Why a test of the emulator may be skipped; throws where the machine has promised to have it. */
export function emulatorMissing(): string | undefined {
  if (findEmulator()) return undefined;
  const reason = 'the Pub/Sub emulator is not on this machine (gcloud components install pubsub-emulator)';
  if (process.env.CI && process.env.SLUICE_REQUIRE_SERVICES) throw new Error(reason);
  return reason;
}

export async function startEmulator(): Promise<Service> {
  const found = findEmulator();
  if (!found) throw new Error(emulatorMissing());
  const port = await freePort();
  const args = ['-Xmx512m', '-jar', found.jar, '--host=127.0.0.1', `--port=${port}`];
  const child = spawn(found.java, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const lines: string[] = [];
  const started = Promise.withResolvers<void>();
  const listen = (line: string) => {
    lines.push(line);
    if (line.includes('listening on')) started.resolve();
  };
  createInterface(child.stdout).on('line', listen);
  createInterface(child.stderr).on('line', listen);
  const fail = () => started.reject(new Error(`the emulator did not start:\n${lines.join('\n')}`));
  const timer = setTimeout(fail, START_TIMEOUT_MS);
  child.once('exit', fail);
  await started.promise.finally(() => clearTimeout(timer));
  return {
    host: `127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function onPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map(folder => join(folder, command)).find(path => existsSync(path));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
