/** Rows of PostgreSQL as lines of JSON, made by the server: what it copies out is the file, byte for byte. */
import type { ResultColumn } from './connection.ts';
import { quoteIdentifier } from './names.ts';

/** A double holds as many digits. */
const EXACT_DIGITS = 15;

/**
 * The statement that copies the result of a query out, a line of JSON for each row. JSON has none of the characters
 * that delimit and quote here, so nothing is ever escaped.
 */
export function copyLines(query: string, columns: readonly ResultColumn[]): string {
  const parts = columns.map(({ name, type }) => {
    const value = `q.${quoteIdentifier(name)}`;
    return `${textLiteral(JSON.stringify(name))} || ':' || coalesce((${jsonOf(value, type)})::text, 'null')`;
  });
  // Functions take a hundred arguments, a chain of || any number.
  const line = parts.length === 0 ? "'{}'" : `'{' || ${parts.join(" || ',' || ")} || '}'`;
  return `COPY (SELECT ${line} FROM (\n${query}\n) AS q) TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01', ENCODING 'UTF8')`;
}

const textLiteral = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** An expression whose text is the JSON of the value; NULL for NULL. */
function jsonOf(value: string, type: string): string {
  if (type.endsWith('[]')) return listOf(value, type.slice(0, -2));
  const scalar = special(value, type);
  return scalar ?? `to_json(${value})`;
}

/** Lists of more dimensions, and those whose values JSON has anyway, as the server makes them. */
function listOf(value: string, type: string): string {
  const item = special('e', type);
  if (!item) return `to_json(${value})`;
  const list = `SELECT coalesce(json_agg(${item} ORDER BY o), '[]') FROM unnest(${value}) WITH ORDINALITY AS u(e, o)`;
  return `CASE WHEN ${value} IS NULL THEN NULL WHEN array_ndims(${value}) > 1 THEN to_json(${value}) ELSE (${list}) END`;
}

/** Undefined where the server's own JSON is right. */
function special(value: string, type: string): string | undefined {
  const [, base = '', precision] =
    /^([^(]*?)(?:\((\d+)[^)]*\))?(?: with(?:out)? time zone)?$/.exec(type) ?? [];
  switch (base) {
    case 'timestamp':
      return timeOf(value, type.endsWith('with time zone') ? "|| '+00:00'" : '');
    case 'numeric':
      return precision !== undefined && Number(precision) <= EXACT_DIGITS
        ? undefined
        : `to_json((${value})::text)`;
    case 'bytea':
      return `to_json(translate(encode(${value}, 'base64'), E'\\n', ''))`;
    case 'json':
    case 'jsonb':
      // A row stands on one line; line ends outside texts mean nothing.
      return `translate((${value})::text, E'\\n\\r', '  ')::json`;
    default:
      return undefined;
  }
}

/** `2026-11-20 10:00:00.250000`; what no calendar has, infinity, as the server writes it. */
function timeOf(value: string, zone: string): string {
  const text = `to_char(${value}, 'YYYY-MM-DD HH24:MI:SS.US') ${zone}`;
  const isUsual = `isfinite(${value}) AND ${value} >= '0001-01-01' AND ${value} < '10000-01-01'`;
  return `to_json(CASE WHEN ${isUsual} THEN ${text} ELSE (${value})::text END)`;
}
