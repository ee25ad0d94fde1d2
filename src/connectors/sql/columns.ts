/** The columns of a table that is there, and how a value of a row becomes what they take. */
import { SluiceError } from '../../errors.ts';
import { stringifyExact } from '../../formats/exact-json.ts';
import type { RowValue } from '../../formats/rows.ts';
import type { Dialect } from './address.ts';
import type { SqlConnection } from './connection.ts';
import { quoteTable } from './names.ts';

export interface TableColumn {
  name: string;
  type: string;
  /** It has a value where none is given. */
  hasDefault: boolean;
  /** Its value is the table's own business. */
  generated: boolean;
}

export interface Table {
  /** As a statement names it. */
  quoted: string;
  schema: string | undefined;
  columns: TableColumn[];
}

/** @throws SluiceError TABLE_NOT_FOUND */
export async function describeTable(
  connection: SqlConnection,
  dialect: Dialect,
  parts: readonly string[],
): Promise<Table> {
  const table = await findTable(connection, dialect, parts);
  if (table) return table;
  throw new SluiceError('TABLE_NOT_FOUND', `the database has no table ${parts.join('.')}`);
}

export async function findTable(
  connection: SqlConnection,
  dialect: Dialect,
  parts: readonly string[],
): Promise<Table | undefined> {
  const quoted = quoteTable(parts, dialect);
  const { rows } = await (dialect === 'postgres'
    ? connection.run(
        [POSTGRES_COLUMNS, ') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum'],
        [quoted],
      )
    : connection.run(
        [MYSQL_COLUMNS, ', database()) AND table_name = ', ' ORDER BY ordinal_position'],
        [parts.length > 1 ? (parts.at(-2) ?? null) : null, parts.at(-1) ?? ''],
      ));
  if (rows.length === 0) return undefined;
  const columns = rows.map(({ name, type, has_default: hasDefault, generated }) => ({
    name: String(name),
    type: String(type),
    hasDefault: isYes(hasDefault),
    generated: isYes(generated),
  }));
  return { quoted, schema: rows[0]?.schema === undefined ? undefined : String(rows[0].schema), columns };
}

const POSTGRES_COLUMNS = `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.atthasdef OR a.attidentity <> '' AS has_default, a.attgenerated <> '' OR a.attidentity = 'a' AS generated, n.nspname AS schema FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attrelid = to_regclass(`;
const MYSQL_COLUMNS =
  "SELECT column_name AS name, data_type AS type, column_default IS NOT NULL OR extra LIKE '%auto_increment%' AS has_default, extra LIKE '%GENERATED' AS generated, table_schema AS `schema` FROM information_schema.columns WHERE table_schema = coalesce(";

const isYes = (value: unknown): boolean => value === 't' || value === 'true' || Number(value) === 1;

/** The text of a value; undefined for one that the column cannot take, which is not null. */
export type ValueText = (value: Exclude<RowValue, null>) => string | Buffer | undefined;

/** @param type of the column; absent: not known */
export function valueText(dialect: Dialect, type = ''): ValueText {
  if (type.endsWith('[]')) return value => (Array.isArray(value) ? listText(value, type) : plainText(value));
  if (/^jsonb?$/.test(type)) return jsonText;
  if (dialect === 'postgres') return type === 'bytea' ? hexText : plainText;
  if (/binary$|blob$/.test(type)) return bytesOf;
  if (type === 'datetime' || type === 'timestamp') return value => mysqlTime(plainText(value));
  return value => (typeof value === 'boolean' ? (value ? '1' : '0') : plainText(value));
}

const plainText = (value: RowValue): string => {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? stringifyExact(value) : String(value);
};

/** Text that is JSON is taken for it; other text is a JSON string. */
function jsonText(value: RowValue): string {
  if (typeof value !== 'string') return stringifyExact(value);
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}

function bytesOf(value: RowValue): Buffer | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)
    ? Buffer.from(value, 'base64')
    : undefined;
}

const hexText = (value: RowValue): string | undefined => {
  const bytes = bytesOf(value);
  return bytes && `\\x${bytes.toString('hex')}`;
};

/** `{"a",NULL,{"b"}}` */
function listText(values: readonly RowValue[], type: string): string {
  const isJson = /^jsonb?\[/.test(type);
  const items = values.map(value => {
    if (value === null) return 'NULL';
    if (Array.isArray(value) && !isJson) return listText(value, type);
    const text = isJson ? jsonText(value) : plainText(value);
    return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${items.join(',')}}`;
}

/** RFC 3339, which MySQL does not take, in UTC, which the session has. */
function mysqlTime(text: string): string {
  const [, seconds, fraction = '', zone] =
    /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(\.\d+)?\s*([Zz]|UTC|[+-]\d\d(?::?\d\d)?)$/.exec(text) ?? [];
  if (!seconds || !zone) return text;
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace('UTC', 'Z');
  const ms = Date.parse(`${seconds.replace(' ', 'T')}${offset}`);
  if (Number.isNaN(ms)) return text;
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}${fraction.slice(0, 7)}`;
}
