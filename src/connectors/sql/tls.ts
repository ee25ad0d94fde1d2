/** How a connection is encrypted, by the properties that the drivers of Java take. */
import type { ConnectionOptions } from 'node:tls';
import { readTextFile } from '../../cloud/storage.ts';
import type { Config } from '../../config.ts';
import { meansReference } from '../../engine/secrets.ts';
import { SluiceError } from '../../errors.ts';
import { parseAddress } from './address.ts';

type Options = ReadonlyMap<string, string>;

/** How to connect to PostgreSQL: the first that the server offers counts. @throws SluiceError PARAMETERS_INVALID */
export async function postgresTls(options: Options, config: Config): Promise<(false | ConnectionOptions)[]> {
  const asked = options.get('sslmode') ?? (isTrue(options.get('ssl')) ? 'verify-full' : 'prefer');
  // As libpq does: who gives a root certificate wants it to count.
  const mode = asked === 'require' && options.has('sslrootcert') ? 'verify-ca' : asked;
  const files = await certificates(options, config, {
    ca: 'sslrootcert',
    cert: 'sslcert',
    key: 'sslkey',
  });
  switch (mode) {
    case 'disable':
    case 'allow':
      return [false];
    case 'prefer':
      return [{ rejectUnauthorized: false, ...files }, false];
    case 'require':
      return [{ rejectUnauthorized: false, ...files }];
    case 'verify-ca':
      return [{ ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [{ ...files, rejectUnauthorized: true }];
    default:
      throw unknownMode('sslmode', asked, 'disable, allow, prefer, require, verify-ca and verify-full');
  }
}

/** The same for MySQL and MariaDB. */
export async function mysqlTls(options: Options, config: Config): Promise<(false | MysqlTls)[]> {
  const asked = options.get('sslmode') ?? modeOfOlder(options);
  const files = await certificates(options, config, {
    ca: 'serversslcert',
    cert: 'clientsslcert',
    key: 'clientsslkey',
  });
  switch (asked.toUpperCase().replaceAll('-', '_')) {
    case 'DISABLED':
    case 'DISABLE':
      return [false];
    case 'PREFERRED':
      return [{ rejectUnauthorized: false, ...files }, false];
    case 'REQUIRED':
    case 'TRUST':
      return [{ rejectUnauthorized: false, ...files }];
    case 'VERIFY_CA':
      return [{ ...files, rejectUnauthorized: true, verifyIdentity: false }];
    case 'VERIFY_IDENTITY':
    case 'VERIFY_FULL':
      return [{ ...files, rejectUnauthorized: true, verifyIdentity: true }];
    default:
      throw unknownMode('sslMode', asked, 'DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY');
  }
}

export interface MysqlTls {
  rejectUnauthorized: boolean;
  verifyIdentity?: boolean;
  ca?: string;
  cert?: string;
  key?: string;
}

function modeOfOlder(options: Options): string {
  if (options.get('usessl') === 'false') return 'DISABLED';
  if (isTrue(options.get('verifyservercertificate'))) return 'VERIFY_CA';
  return isTrue(options.get('requiressl')) || isTrue(options.get('usessl')) ? 'REQUIRED' : 'PREFERRED';
}

const isTrue = (text: string | undefined): boolean => text === '' || text === 'true';

async function certificates(
  options: Options,
  config: Config,
  names: Record<'ca' | 'cert' | 'key', string>,
): Promise<{ ca?: string; cert?: string; key?: string }> {
  const found: { ca?: string; cert?: string; key?: string } = {};
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = options.get(names[part]);
    if (path) found[part] = await readTextFile(path, `the certificate ${names[part]}`, config);
  }
  return found;
}

/** The properties that name files, of either database. */
const FILES = ['sslrootcert', 'sslcert', 'sslkey', 'serversslcert', 'clientsslcert', 'clientsslkey'];

/** The files that a connection reads, as far as its URL can be read before it is made. */
export function certificatePaths(settings: { url: string; connection_properties?: string }): string[] {
  if (meansReference(settings.url)) return [];
  const { options } = parseAddress(settings.url, settings.connection_properties);
  return FILES.flatMap(name => options.get(name) ?? []);
}

const unknownMode = (name: string, given: string, known: string): SluiceError =>
  new SluiceError('PARAMETERS_INVALID', `${name} is ${given.slice(0, 100)}; there are ${known}`);

/** The connection of the first attempt that succeeds; the next is made only where the server has no TLS. */
export async function firstToConnect<Tls, Connection>(
  attempts: readonly Tls[],
  connect: (tls: Tls) => Promise<Connection>,
  isWithoutTls: (error: unknown) => boolean,
): Promise<Connection> {
  for (const [i, tls] of attempts.entries()) {
    try {
      return await connect(tls);
    } catch (error) {
      if (i === attempts.length - 1 || !isWithoutTls(error)) throw error;
    }
  }
  throw new Error('there is no way to connect');
}
