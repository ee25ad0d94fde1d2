/** Avro's schema for the fields of a table, as BigQuery's exports have it. */
import type { FieldType, TableField } from '../table-schema.ts';

type Schema = string | { [key: string]: unknown } | Schema[];

/** JSON of a record with these fields. */
export function avroOfTable(fields: readonly TableField[], name = 'Root'): { [key: string]: unknown } {
  return {
    type: 'record',
    name,
    fields: fields.map(field => {
      const type = typeOf(field, `${name}_${field.name}`);
      if (field.mode === 'REPEATED')
        return { name: field.name, type: { type: 'array', items: type }, default: [] };
      if (field.mode === 'REQUIRED') return { name: field.name, type };
      return { name: field.name, type: ['null', type], default: null };
    }),
  };
}

const TYPES: Record<Exclude<FieldType, 'RECORD'>, Schema> = {
  STRING: 'string',
  BYTES: 'bytes',
  INTEGER: 'long',
  FLOAT: 'double',
  NUMERIC: { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 9 },
  BIGNUMERIC: { type: 'bytes', logicalType: 'decimal', precision: 77, scale: 38 },
  BOOLEAN: 'boolean',
  TIMESTAMP: { type: 'long', logicalType: 'timestamp-micros' },
  DATE: { type: 'int', logicalType: 'date' },
  TIME: { type: 'long', logicalType: 'time-micros' },
  DATETIME: { type: 'long', logicalType: 'local-timestamp-micros' },
  JSON: { type: 'string', sqlType: 'JSON' },
};

function typeOf(field: TableField, name: string): Schema {
  return field.type === 'RECORD' ? avroOfTable(field.fields, name) : TYPES[field.type];
}
