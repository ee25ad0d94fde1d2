/** ParseAvro: messages of Avro, bare or framed as Confluent does, to rows. */
import { readTextFile } from '../cloud/storage.ts';
import { type Batch, columnsAt, type Failure, payloadOf, selectElements } from '../engine/batch.ts';
import { defineTransform, type Outcome, type StageContext } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { cursorOver } from '../formats/avro/cursor.ts';
import { type AvroReader, rowReader } from '../formats/avro/decode.ts';
import { type AvroType, parseAvroSchema, readAvroSchema } from '../formats/avro/schema.ts';
import { type Row, rowBatch } from '../formats/rows.ts';
import { openRegistry, type RegistrySettings, type SchemaRegistry } from '../formats/schema-registry.ts';

const config = {
  type: 'object',
  additionalProperties: false,
  oneOf: [{ required: ['schema'] }, { required: ['schema_registry_url'] }],
  properties: {
    schema: {
      anyOf: [{ type: 'string', minLength: 1 }, { type: 'object' }],
      description: 'The Avro schema that all messages are written with, or the path of a file that holds it.',
    },
    schema_registry_url: {
      type: 'string',
      pattern: '^https?://',
      description:
        "The address of a schema registry with Confluent's API: it has the schemas by their numbers.",
    },
    schema_registry_user: { type: 'string', description: 'The name that the registry knows us by.' },
    schema_registry_password: { type: 'string', format: 'secret', description: 'The password for it.' },
    schema_registry_token: {
      type: 'string',
      format: 'secret',
      description: 'A bearer token, instead of a name and a password.',
    },
    encoding: {
      enum: ['confluent', 'binary'],
      description:
        "`confluent`: a zero byte and the schema's number come before the record; `binary`: nothing does. Default: `binary` with a `schema`.",
    },
  },
} as const;

export const parseAvro = defineTransform({
  name: 'ParseAvro',
  summary: 'Takes messages for records of Avro, and gives rows.',
  description:
    'The values of a row are those that ReadFromAvro gives. A message that is no record of its schema fails with ' +
    'AVRO_MALFORMED, one whose schema the registry does not have with SCHEMA_NOT_FOUND. Messages of Kafka without a ' +
    'value are filtered out.',
  config,
  examples: [
    {
      title: 'Messages that name their schema',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: projects/my-project/subscriptions/orders}
    - type: ParseAvro
      config: {schema_registry_url: https://registry.example.com}
    - type: WriteToJson
      config: {path: gs://bucket/out/orders}
`,
    },
  ],
  output: input => {
    if (input.form === 'text') return { form: 'row' };
    throw new SluiceError(
      'PIPELINE_INVALID',
      'ParseAvro takes messages as their source gives them, not rows',
    );
  },
  reach: ({ schema }) => ({ reads: [typeof schema === 'string' ? schema : undefined] }),
  async open(settings, context) {
    const { schema, encoding = schema === undefined ? 'confluent' : 'binary' } = settings;
    const given = schema === undefined ? undefined : await givenSchema(schema, context);
    const url = settings.schema_registry_url;
    if (given) {
      const read = rowReader(given);
      return { process: batch => parse(batch, context.stage, framed(encoding), async () => read) };
    }
    const registry = await openRegistry({ ...registrySettings(settings), url: url ?? '' });
    const readers = readersOf(registry);
    return { process: batch => parse(batch, context.stage, framed('confluent'), readers) };
  },
});

interface Credentials {
  schema_registry_user?: string;
  schema_registry_password?: string;
  schema_registry_token?: string;
}

const registrySettings = ({
  schema_registry_user: user,
  schema_registry_password: password,
  schema_registry_token: token,
}: Credentials): Omit<RegistrySettings, 'url'> => ({
  ...(user !== undefined && { user }),
  ...(password !== undefined && { password }),
  ...(token !== undefined && { token }),
});

async function givenSchema(schema: unknown, { config, stage }: StageContext): Promise<AvroType> {
  const type =
    typeof schema === 'string'
      ? parseAvroSchema(await readTextFile(schema, 'the schema', config), schema)
      : readAvroSchema(schema, stage);
  if (type.kind === 'record') return type;
  throw new SluiceError('SCHEMA_INVALID', `${stage}: rows are records, and the schema is of ${type.kind}`);
}

/** The number of a message's schema, and where its record begins; text for what is no such message. */
type Frame = (payload: Buffer) => { id: number; at: number } | string;
/** What reads the records of a schema; text where there is no such schema. */
type Readers = (id: number) => Promise<AvroReader | string>;

const CONFLUENT_BYTES = 5;

const framed =
  (encoding: 'confluent' | 'binary'): Frame =>
  payload => {
    if (encoding === 'binary') return { id: 0, at: 0 };
    if (payload.length < CONFLUENT_BYTES || payload[0] !== 0)
      return 'it does not begin with a zero byte and the number of a schema';
    return { id: payload.readUInt32BE(1), at: CONFLUENT_BYTES };
  };

function readersOf(registry: SchemaRegistry): Readers {
  const compiled = new WeakMap<AvroType, AvroReader>();
  return async id => {
    const type = await registry.schema(id);
    if (typeof type === 'string') return type;
    if (type.kind !== 'record') return `schema ${id} is of ${type.kind}, and rows are records`;
    const reader = compiled.get(type) ?? rowReader(type);
    compiled.set(type, reader);
    return reader;
  };
}

async function parse(batch: Batch, transform: string, frame: Frame, readers: Readers): Promise<Outcome> {
  const rows: Row[] = [];
  const good: number[] = [];
  const bad: number[] = [];
  const failures: Failure[] = [];
  const known = new Map<number, AvroReader | string>();
  let filtered = 0;
  for (let i = 0; i < batch.count; i++) {
    if (batch.metadata?.[i]?.raw?.isNull) {
      filtered++;
      continue;
    }
    const payload = payloadOf(batch, i);
    const place = frame(payload);
    let failure = typeof place === 'string' ? malformed(place) : undefined;
    if (typeof place !== 'string') {
      // Most batches have one schema: one wait for each, and none for an element.
      if (!known.has(place.id)) known.set(place.id, await readers(place.id));
      const read = known.get(place.id) ?? '';
      const row =
        typeof read === 'string'
          ? { code: 'SCHEMA_NOT_FOUND', message: read }
          : rowOf(payload, place.at, read);
      if ('row' in row) rows.push(row.row);
      else failure = row;
    }
    if (!failure) good.push(i);
    else {
      bad.push(i);
      failures.push({ ...failure, transform });
    }
  }
  return {
    good: rows.length === 0 ? [] : [rowBatch(rows, columnsAt(good, batch))],
    ...(filtered > 0 && { filtered }),
    ...(bad.length > 0 && { failed: selectElements(batch, bad, failures) }),
  };
}

type Fault = Pick<Failure, 'code' | 'message'>;

const malformed = (why: string): Fault => ({ code: 'AVRO_MALFORMED', message: `no record of Avro: ${why}` });

function rowOf(payload: Buffer, at: number, read: AvroReader): { row: Row } | Fault {
  const cursor = cursorOver(payload, at);
  try {
    const row = read(cursor) as Row;
    if (cursor.at === cursor.end) return { row };
    return malformed(`${cursor.end - cursor.at} bytes follow its end`);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'INPUT_UNREADABLE') return malformed(error.message);
    throw error;
  }
}
