/** Rows as they are staged, to values that a way of writing takes. */

import { stringifyExact } from '../../formats/exact-json.ts';
import type { Row, RowValue } from '../../formats/rows.ts';
import type { FieldType, TableField } from '../../formats/table-schema.ts';
import { daysOf, microsOf } from './times.ts';

type Converter = (value: RowValue) => unknown;
type Converters = Partial<Record<FieldType, Converter>>;
export type RowConverter = (row: Row) => Record<string, unknown>;

const asText: Converter = value => (typeof value === 'string' ? value : stringifyExact(value));

/** Values as the Storage Write API has them in protocol buffers. */
export const forStorage: Converters = {
  INTEGER: String,
  FLOAT: Number,
  BYTES: value => Buffer.from(String(value), 'base64'),
  DATE: value => daysOf(String(value)),
  TIMESTAMP: value => String(microsOf(String(value))),
  JSON: stringifyExact,
};

/** Values as inserts take them in JSON, where integers of 64 bits are text. */
export const forInsert: Converters = { INTEGER: String, JSON: asText };

export function rowConverter(fields: readonly TableField[], converters: Converters): RowConverter {
  const columns = fields.map(field => ({ name: field.name, convert: fieldConverter(field, converters) }));
  return row => {
    const converted: Record<string, unknown> = {};
    for (const { name, convert } of columns) {
      const value = row[name];
      if (value !== undefined && value !== null) converted[name] = convert(value);
    }
    return converted;
  };
}

function fieldConverter(field: TableField, converters: Converters): Converter {
  const one = field.type === 'RECORD' ? recordConverter(field, converters) : converters[field.type];
  if (!one) return value => value;
  return field.mode === 'REPEATED' ? value => (Array.isArray(value) ? value.map(one) : value) : one;
}

function recordConverter(field: TableField, converters: Converters): Converter {
  const convert = rowConverter(field.fields, converters);
  return value => convert(value as Row);
}
