/** What a table takes: the fields it has, found out from its first rows where nobody says, and widened on demand. */
import { isDeepStrictEqual } from 'node:util';
import { inferField, inferFields, nullable, widened, widest } from '../../formats/infer-schema.ts';
import type { Row } from '../../formats/rows.ts';
import { isFieldName, type TableField } from '../../formats/table-schema.ts';
import { fieldEncoder, type Misfit, type RowEncoder, rowEncoder } from '../../formats/table-values.ts';

/** BigQuery's limit; a stream of ever new names must not make a table of them. */
const MAX_COLUMNS = 10_000;

export interface TableWriter {
  readonly fields: readonly TableField[];
  /** The JSON text of a row that the table takes, or why it does not. */
  encode: RowEncoder;
  /** The table has other fields now. */
  replace(fields: readonly TableField[]): void;
}

/** @param evolve new fields become columns and types widen, instead of a misfit */
export function tableWriter(
  given: readonly TableField[],
  evolve: boolean,
  onChange: (what: string) => void,
): TableWriter {
  let fields = given;
  let encoder = rowEncoder(fields, evolve);
  const replace = (next: readonly TableField[]) => {
    if (isDeepStrictEqual(next, fields)) return;
    fields = next;
    encoder = rowEncoder(fields, evolve);
  };
  return {
    get fields() {
      return fields;
    },
    replace,
    encode(row) {
      const encoded = encoder(row);
      if (typeof encoded === 'string' || !evolve) return encoded;
      const next = evolved(fields, row);
      if (!next) return encoded;
      const retried = rowEncoder(next, true)(row);
      if (typeof retried !== 'string') return retried satisfies Misfit;
      onChange(describeChange(fields, next));
      replace(next);
      return retried;
    },
  };
}

/** The fields that rows tell; those that are never more than null are taken for text. */
export function inferSchema(rows: readonly Row[]): TableField[] {
  const found = inferFields(rows);
  const known = new Set(found.map(({ name }) => name.toLowerCase()));
  for (const row of rows) {
    for (const name of Object.keys(row)) {
      if (known.has(name.toLowerCase()) || !isFieldName(name)) continue;
      known.add(name.toLowerCase());
      found.push({ name, type: 'STRING', mode: 'NULLABLE', fields: [] });
    }
  }
  return found.slice(0, MAX_COLUMNS);
}

/**
 * The fields of a table that has some and is to take rows of others. Where workers of one job found different types
 * for a new field, text (or JSON) takes both: nothing is lost.
 */
export function reconcileFields(table: readonly TableField[], rows: readonly TableField[]): TableField[] {
  const own = new Map(rows.map(field => [field.name.toLowerCase(), field]));
  const merged = table.map(field => {
    const other = own.get(field.name.toLowerCase());
    own.delete(field.name.toLowerCase());
    return other ? widest(field, other) : field;
  });
  return [...merged, ...[...own.values()].map(nullable)];
}

/** The fields with what the row needs beyond them; undefined when the row cannot be taken. */
function evolved(fields: readonly TableField[], row: Row): TableField[] | undefined {
  const next = [...fields];
  for (const [name, value] of Object.entries(row)) {
    const at = next.findIndex(field => field.name.toLowerCase() === name.toLowerCase());
    const field = next[at];
    if (field && (value === null || typeof fieldEncoder(field, name, true)(value) === 'string')) continue;
    const found = inferField(name, value);
    if (!found) continue;
    if (!field) next.push(found);
    else {
      const wider = widened(field, found);
      if (!wider) return undefined;
      next[at] = wider;
    }
  }
  return next.length > MAX_COLUMNS ? undefined : next;
}

function describeChange(before: readonly TableField[], after: readonly TableField[]): string {
  return after
    .filter((field, i) => !isDeepStrictEqual(field, before[i]))
    .map(field => {
      const old = before.find(({ name }) => name === field.name);
      if (!old) return `new column ${field.name} ${field.type}`;
      return old.type === field.type
        ? `column ${field.name} has new fields`
        : `column ${field.name} widened from ${old.type} to ${field.type}`;
    })
    .join(', ');
}
