/** MariaDB, of Debian's packages: what speaks MySQL here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from '../helpers/certificates.ts';
import {
  type Installation,
  installDebian,
  isRoot,
  lacking,
  onPath,
  run,
  userOf,
  writeFor,
} from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

export interface Mysql extends Service {
  /** With the name and the password of its only user, and its database. */
  url: string;
  username: string;
  password: string;
  database: string;
  /** The certificate that TLS clients are to trust, in PEM; only where `tls` was asked for. */
  ca: string;
}

export interface MysqlOptions {
  tls?: boolean;
  /** Further options of the server, without the dashes. */
  settings?: Record<string, string>;
}

const server = () => (existsSync('/usr/sbin/mariadbd') ? '/usr/sbin/mariadbd' : onPath('mariadbd'));

export const mysql: Installation = {
  name: 'mysql',
  what: "MariaDB (the machine's, or Debian's package as root)",
  isInstalled: () =>
    server() !== undefined && lacking('mariadb-install-db', 'my_print_defaults') === undefined,
  impossible: () => (isRoot && onPath('apt-get') ? undefined : 'it needs root and apt-get'),
  // The second has what the first needs to make an empty database.
  install: () => installDebian('mariadb-server-core', 'mariadb-client-core'),
};

export async function startMysql(t: Lifetime, options: MysqlOptions = {}): Promise<Mysql> {
  const command = server();
  if (!command) throw new Error('MariaDB is not installed: npm run services install mysql');
  // It refuses to run as root.
  const user = await userOf('mysql');
  const folder = await serviceFolder(t, user);
  const data = join(folder, 'data');
  const [username, password, database] = ['sluice', 'sluice-secret', 'data'];
  await run(
    'mariadb-install-db',
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { cwd: folder, ...user },
  );
  const statements = [
    `CREATE DATABASE IF NOT EXISTS ${database};`,
    `CREATE USER IF NOT EXISTS '${username}'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    `GRANT ALL ON *.* TO '${username}'@'127.0.0.1';\n`,
  ].join('\n');
  const settings: Record<string, string> = {
    datadir: data,
    socket: join(folder, 'socket'),
    'bind-address': '127.0.0.1',
    'pid-file': join(folder, 'pid'),
    'init-file': await writeFor(user, join(folder, 'start.sql'), statements),
    'innodb-flush-log-at-trx-commit': '2',
    'innodb-buffer-pool-size': '64M',
    ...options.settings,
  };
  let ca = '';
  if (options.tls) {
    const { key, certificate } = makeCertificates();
    ca = certificate;
    Object.assign(settings, {
      'ssl-key': await writeFor(user, join(folder, 'key.pem'), key),
      'ssl-cert': await writeFor(user, join(folder, 'certificate.pem'), certificate),
    });
  }
  const port = await freePort();
  const service = await startProcess(t, {
    name: 'MariaDB',
    port,
    command,
    args: ['--no-defaults', `--port=${port}`, ...Object.entries(settings).map(([k, v]) => `--${k}=${v}`)],
    cwd: folder,
    user,
    ready: log => log.includes('ready for connections'),
  });
  const url = `mysql://${username}:${password}@${service.address}/${database}`;
  return { ...service, url, username, password, database, ca };
}
