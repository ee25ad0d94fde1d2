/** Google's Pub/Sub emulator: the reference for what a Pub/Sub does. It keeps everything in memory. */
import { globSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Installation, onPath, run } from './installation.ts';
import { freePort, type Lifetime, type Service, startProcess } from './service.ts';

/** The jar of the emulator, found beside `gcloud`. */
function findJar(): string | undefined {
  const gcloud = onPath('gcloud');
  if (!gcloud) return undefined;
  const lib = join(dirname(realpathSync(gcloud)), '..', 'platform', 'pubsub-emulator', 'lib');
  return globSync(join(lib, 'cloud-pubsub-emulator-*-all.jar'))[0];
}

export const pubsub: Installation = {
  name: 'pubsub',
  what: "Google's Pub/Sub emulator (of the Cloud SDK)",
  isInstalled: () => onPath('java') !== undefined && findJar() !== undefined,
  impossible: () => (onPath('gcloud') && onPath('java') ? undefined : 'it needs the Cloud SDK and Java'),
  async install() {
    await run('gcloud', ['components', 'install', '--quiet', 'pubsub-emulator']);
  },
};

export async function startPubsub(t: Lifetime): Promise<Service> {
  const jar = findJar();
  if (!jar) throw new Error('the Pub/Sub emulator is not installed: npm run services install pubsub');
  const port = await freePort();
  return startProcess(t, {
    name: 'the Pub/Sub emulator',
    port,
    command: 'java',
    args: ['-Xmx512m', '-jar', jar, '--host=127.0.0.1', `--port=${port}`],
    ready: log => log.includes('listening on'),
  });
}
