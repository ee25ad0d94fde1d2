/** A registry of images: Debian's package, unpacked beside the others. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Installation, installedIn, lacking, run } from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

export interface Registry extends Service {
  /** Its only user, where it asks who one is. */
  username: string;
  password: string;
}

const folder = () => installedIn('registry');
const program = () => join(folder(), 'usr/bin/docker-registry');

export const registry: Installation = {
  name: 'registry',
  what: "The registry of images, docker-registry (Debian's package)",
  isInstalled: () => existsSync(program()),
  impossible: () => lacking('apt-get', 'dpkg-deb'),
  async install() {
    const cwd = folder();
    const fetch = () => run('apt-get', ['download', 'docker-registry'], { cwd });
    // The lists of a fresh image are empty or old.
    await fetch().catch(() => run('apt-get', ['update']).then(fetch));
    const archive = (await readdir(cwd)).find(file => file.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['-x', join(cwd, archive), cwd]);
  },
};

export interface RegistryOptions {
  /** Where it listens: the engines of tests find it at their `gateway`. */
  host?: string;
  /** It takes nothing from those who do not say who they are. */
  signIn?: boolean;
}

export async function startRegistry(
  t: Lifetime,
  { host = '127.0.0.1', signIn = false }: RegistryOptions = {},
): Promise<Registry> {
  const port = await freePort();
  const address = `${host}:${port}`;
  const data = await serviceFolder(t);
  const service = await startProcess(t, {
    name: 'the registry',
    port,
    command: program(),
    args: ['serve', join(folder(), 'etc/docker/registry/config.yml')],
    env: {
      REGISTRY_HTTP_ADDR: address,
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data,
      REGISTRY_AUTH: signIn ? 'htpasswd' : 'none',
      ...(signIn && {
        REGISTRY_AUTH_HTPASSWD_REALM: 'test',
        // It makes the file, and tells the password once.
        REGISTRY_AUTH_HTPASSWD_PATH: join(data, 'passwords'),
      }),
    },
    ready: async () => [200, 401].includes((await fetch(`http://${address}/v2/`)).status),
  });
  const [, password = ''] = /password[=:"\s]+([\w-]+)/.exec(service.logs()) ?? [];
  return { ...service, host, address, username: 'docker', password };
}
