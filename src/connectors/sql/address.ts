/** Where a database is: URLs as JDBC, `psql` and `mysql` write them. Passwords leave this file in one field only. */
import { SluiceError } from '../../errors.ts';

export type Dialect = 'postgres' | 'mysql';

export interface SqlAddress {
  dialect: Dialect;
  host: string;
  port: number;
  database: string;
  username?: string;
  password?: string;
  /** Properties of the driver, by their names in lower case. */
  options: ReadonlyMap<string, string>;
}

const SCHEMES: ReadonlyMap<string, Dialect> = new Map([
  ['postgresql', 'postgres'],
  ['postgres', 'postgres'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
]);
const PORTS: Record<Dialect, number> = { postgres: 5432, mysql: 3306 };
const MAX_LENGTH = 8192;

/** What would lead elsewhere than the host says: better refused than ignored. */
const FOREIGN = ['socketfactory', 'cloudsqlinstance', 'sshhost'];

const PATTERN = /^(?:jdbc:)?([a-z]+):(?:\/\/(?:([^@/?#]*)@)?([^/?#@]*)\/?)?([^?#]*)(?:\?([^#]*))?$/i;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([A-Za-z0-9._-]*))(?::(\d{1,5}))?$/i;

/**
 * The parts of a URL; `properties` are `name=value;name=value`, and count before those of the URL.
 * @throws SluiceError PARAMETERS_INVALID, which never quotes the URL: it may hold a password
 */
export function parseAddress(url: string, properties = ''): SqlAddress {
  const [, scheme = '', user, place = '', path = '', query = ''] =
    url.length <= MAX_LENGTH ? (PATTERN.exec(url.trim()) ?? []) : [];
  const dialect = SCHEMES.get(scheme.toLowerCase());
  if (!dialect)
    throw refuse(
      `${scheme && scheme.toLowerCase() !== 'jdbc' ? `${scheme} is no database that Sluice speaks to` : 'it is no URL of a database'}: write jdbc:postgresql://HOST:PORT/DATABASE, jdbc:mysql://… or jdbc:mariadb://…`,
    );
  const [, v6, name = '', port] = HOST.exec(place) ?? [];
  if (place !== '' && v6 === undefined && name === '')
    throw refuse(`"${place.slice(0, 200)}" is no host, or more than one: name one HOST:PORT`);
  if (Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) throw refuse(`${port} is no port`);
  const options = new Map([...pairsOf(query, '&', decode), ...pairsOf(properties, ';', text => text)]);
  const foreign = FOREIGN.find(each => options.has(each));
  if (foreign) throw refuse(`${foreign} is not supported: give the address of the database itself`);
  const [urlUser, urlPassword] = user === undefined ? [] : splitOnce(user, ':').map(decode);
  const username = options.get('user') ?? urlUser;
  const password = options.get('password') ?? urlPassword;
  return {
    dialect,
    host: v6 ?? (name || 'localhost'),
    port: port === undefined ? PORTS[dialect] : Number(port),
    database: decode(path),
    ...(username && { username }),
    ...(password && { password }),
    options,
  };
}

/** What a database is called in messages. */
export const wordAddress = ({ dialect, host, port, database }: SqlAddress): string =>
  `${dialect === 'postgres' ? 'PostgreSQL' : 'MySQL'} at ${host.includes(':') ? `[${host}]` : host}:${port}${database && `/${database}`}`;

function pairsOf(text: string, separator: string, read: (text: string) => string): [string, string][] {
  return text
    .split(separator)
    .filter(pair => pair.trim() !== '')
    .map(pair => {
      const [name = '', value = ''] = splitOnce(pair, '=');
      return [read(name).trim().toLowerCase(), read(value).trim()];
    });
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse('a % in it is not followed by two hexadecimal digits: write %25 for the sign itself');
  }
}

const refuse = (why: string): SluiceError =>
  new SluiceError('PARAMETERS_INVALID', `the URL of the database cannot be used: ${why}`);
