/** Names of tables and columns as SQL writes them. */
import { SluiceError } from '../../errors.ts';
import type { Dialect } from './address.ts';

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const quoteBackticks = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

export const quoterOf = (dialect: Dialect): ((name: string) => string) =>
  dialect === 'postgres' ? quoteIdentifier : quoteBackticks;

const PART = /(?:"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|([^".`\s;()']+))(?:\.|$)/y;
const MAX_LENGTH = 1000;

/**
 * The parts of `table`, `schema.table` or `"Schema"."Table"`. Without quotes PostgreSQL takes them for lower case.
 * @throws SluiceError PARAMETERS_INVALID
 */
export function parseTable(text: string, dialect: Dialect): string[] {
  const parts: string[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length && text.length <= MAX_LENGTH) {
    const [whole, quoted, ticked, plain] = PART.exec(text) ?? [];
    if (whole === undefined) break;
    if (plain !== undefined) parts.push(dialect === 'postgres' ? plain.toLowerCase() : plain);
    else parts.push(quoted?.replaceAll('""', '"') ?? ticked?.replaceAll('``', '`') ?? '');
    if (!whole.endsWith('.') && PART.lastIndex === text.length && parts.length <= 3) return parts;
  }
  throw new SluiceError(
    'PARAMETERS_INVALID',
    `"${text.slice(0, 200)}" names no table: write table, schema.table, or "Table" where case or other signs count`,
  );
}

/** The table as a statement names it. */
export const quoteTable = (parts: readonly string[], dialect: Dialect): string =>
  parts.map(quoterOf(dialect)).join('.');

/** @throws SluiceError QUERY_INVALID where two columns have one name: one of them would be lost */
export function requireDistinct(columns: readonly { name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (seen.has(name))
      throw new SluiceError(
        'QUERY_INVALID',
        `two columns of the query are called ${name.slice(0, 100)}: give one another name with AS`,
      );
    seen.add(name);
  }
}
