/** fake-gcs-server: Cloud Storage's JSON API over a folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildGo, type Installation, installedIn, lacking } from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

const VERSION = '1.55.1';

export interface Gcs extends Service {
  /** For `STORAGE_EMULATOR_HOST`, and the endpoint of clients. */
  url: string;
}

const program = () => join(installedIn(`gcs-${VERSION}`), 'fake-gcs-server');

export const gcs: Installation = {
  name: 'gcs',
  what: `fake-gcs-server ${VERSION} (Go: github.com/fsouza/fake-gcs-server)`,
  isInstalled: () => existsSync(program()),
  impossible: () => lacking('go'),
  install: () => buildGo('gcs', 'github.com/fsouza/fake-gcs-server', program()),
};

/** `proxyPort`: the port of a proxy, whose address clients are told to go on with their uploads at. */
export async function startGcs(t: Lifetime, options: { proxyPort?: number } = {}): Promise<Gcs> {
  const data = await serviceFolder(t);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = await startProcess(t, {
    name: 'fake-gcs-server',
    port,
    command: program(),
    args: [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-log-level', 'warn'],
      ...['-backend', 'filesystem', '-filesystem-root', join(data, 'objects')],
      ...['-external-url', `http://127.0.0.1:${options.proxyPort ?? port}`],
      ...['-public-host', `127.0.0.1:${options.proxyPort ?? port}`],
    ],
    ready: async () => (await fetch(`${url}/storage/v1/b?project=test`)).ok,
  });
  return { ...service, url };
}
