/** What records of Avro and Parquet hold: given as an Avro schema or a table's, or found out from the rows. */
import { SluiceError } from '../errors.ts';
import { avroOfTable } from './avro/of-table.ts';
import { type AvroRecord, readAvroSchema } from './avro/schema.ts';
import { type Inference, inferFields } from './infer-schema.ts';
import type { Row } from './rows.ts';
import { isFieldName, readTableSchema, type TableField, wordField } from './table-schema.ts';

export interface RecordSchema {
  type: AvroRecord;
  /** JSON, as it stands in the files. */
  text: string;
}

/**
 * The schema of JSON: Avro's of a record, or a list of fields as BigQuery has it.
 * @throws SluiceError SCHEMA_INVALID, PARAMETERS_INVALID
 */
export function readRecordSchema(json: unknown, where: string): RecordSchema {
  const isTable =
    Array.isArray(json) ||
    (typeof json === 'object' &&
      json !== null &&
      !('type' in json) &&
      ('fields' in json || 'BigQuery Schema' in json));
  if (isTable) return recordOfTable(readTableSchema(json, where));
  const type = readAvroSchema(json, where);
  if (type.kind === 'record') return { type, text: JSON.stringify(json) };
  throw new SluiceError('SCHEMA_INVALID', `${where}: rows are records, and it is of ${type.kind}`);
}

function recordOfTable(fields: readonly TableField[]): RecordSchema {
  const json = avroOfTable(fields);
  const type = readAvroSchema(json, 'the schema');
  if (type.kind !== 'record') throw new SluiceError('SCHEMA_INVALID', 'the schema is of no record');
  return { type, text: JSON.stringify(json) };
}

/** What has been seen of the fields of rows, as a checkpoint keeps it. */
export interface SeenFields {
  fields: TableField[];
  /** Every name, in the order they came: also of those that held nothing yet. */
  names: string[];
}

export interface SchemaInference {
  /** Learns from the rows; what is wrong with those that no schema can take, by their index. */
  learn(rows: readonly Row[]): Map<number, string>;
  readonly seen: SeenFields;
  schema(): RecordSchema;
  /** The fields and their types, in words. */
  describe(): string;
}

/** BigQuery's limit; ever new names must not make a schema of them. */
const MAX_FIELDS = 10_000;
const HOW: Inference = { anyName: false, times: true };

export function inferRecords(
  { fields: known, names: before }: SeenFields = { fields: [], names: [] },
): SchemaInference {
  let fields = known;
  const names = new Set(before);
  const all = (): TableField[] => {
    const byName = new Map(fields.map(field => [field.name, field]));
    // Nothing but null, or empty lists: any later reader can take that for JSON.
    return [...names].map(name => byName.get(name) ?? { name, type: 'JSON', mode: 'NULLABLE', fields: [] });
  };
  return {
    learn(rows) {
      const wrong = new Map<number, string>();
      const good: Row[] = [];
      for (const [i, row] of rows.entries()) {
        const why = Object.keys(row)
          .map(name => admit(name, names))
          .find(each => each !== undefined);
        if (why === undefined) good.push(row);
        else wrong.set(i, why);
      }
      fields = inferFields(good, fields, HOW);
      return wrong;
    },
    get seen() {
      return { fields, names: [...names] };
    },
    schema: () => recordOfTable(all()),
    describe: () => all().map(wordField).join(', '),
  };
}

function admit(name: string, names: Set<string>): string | undefined {
  if (names.has(name)) return undefined;
  if (!isFieldName(name))
    return `${JSON.stringify(name.slice(0, 100))} is no name of letters, digits and underscores`;
  if (names.size >= MAX_FIELDS) return `there are more than ${MAX_FIELDS} fields`;
  names.add(name);
  return undefined;
}
