/** moto: S3's API, kept in memory: what is killed has forgotten everything, so cut it off with a proxy instead. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Installation, installedIn, lacking, run } from './installation.ts';
import { freePort, type Lifetime, type Service, startProcess } from './service.ts';

const VERSION = '5.2.1';

export interface S3 extends Service {
  /** The endpoint; path-style addresses, any region, any key. */
  url: string;
}

const folder = () => installedIn(`s3-${VERSION}`);
const program = () => join(folder(), 'bin/moto_server');

export const s3: Installation = {
  name: 's3',
  what: `moto ${VERSION} (PyPI: moto)`,
  isInstalled: () => existsSync(program()),
  impossible: () => lacking('python3'),
  async install() {
    await run('python3', ['-m', 'venv', folder()]);
    const requirements = join(import.meta.dirname, 's3/requirements.txt');
    const options = ['--quiet', '--require-hashes', '--no-deps', '--only-binary=:all:'];
    await run(join(folder(), 'bin/pip'), ['install', ...options, '-r', requirements]);
  },
};

export async function startS3(t: Lifetime): Promise<S3> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = await startProcess(t, {
    name: 'moto',
    port,
    command: program(),
    args: ['-H', '127.0.0.1', '-p', String(port)],
    ready: async () => (await fetch(`${url}/moto-api/`)).ok,
  });
  return { ...service, url };
}
