/**
 * Files of records. With a schema elements are encoded as they come, and refused one by one. Without one they wait as
 * lines of JSON until their file is complete: then what all of them hold is known.
 */
import { createHash } from 'node:crypto';
import { type Batch, type Failure, selectElements } from '../../engine/batch.ts';
import type { Json, Sink, StageContext } from '../../engine/component.ts';
import type { Pack, Piece } from '../../engine/staged-file.ts';
import { SluiceError } from '../../errors.ts';
import type { AvroCodec } from '../../formats/avro/codecs.ts';
import { blockWriter, writeHeader } from '../../formats/avro/container.ts';
import { rowWriter } from '../../formats/avro/encode.ts';
import { blocksOf } from '../../formats/avro/file.ts';
import { createOutput, type Output } from '../../formats/avro/output.ts';
import { encodePayloads } from '../../formats/payloads.ts';
import { readLines } from '../../formats/read-lines.ts';
import type { RecordFile } from '../../formats/record-file.ts';
import {
  inferRecords,
  type RecordSchema,
  type SchemaInference,
  type SeenFields,
} from '../../formats/record-schema.ts';
import { type Row, rowsOf, stringifyRow } from '../../formats/rows.ts';
import { type FileSinkSettings, openFileSink } from './file-sink.ts';
import { messageSchema, writeMessage } from './message-records.ts';
import { namingOf, type RecordConfig, schemaOf } from './record-config.ts';

export interface RecordFormat {
  suffix: string;
  /** Of files whose blocks are written as the elements come; absent: a file is made when all of them are there. */
  blocks?: AvroCodec;
  /** Checks that files can have such records. */
  check?(schema: RecordSchema): void;
  create(path: string, schema: RecordSchema, marker: Buffer): Promise<RecordFile>;
}

/** What a checkpoint knows. */
interface RecordSinkState {
  files: Json;
  seen?: SeenFields;
}

export async function openRecordSink(
  format: RecordFormat,
  config: RecordConfig,
  context: StageContext,
): Promise<Sink> {
  const { record = 'row' } = config;
  const restored = context.restored as unknown as RecordSinkState | undefined;
  const schema = record === 'row' ? await schemaOf(config, context) : messageSchema(record);
  if (schema) format.check?.(schema);
  const marker = createHash('md5')
    .update(JSON.stringify([context.keptAs, context.worker.index]))
    .digest();
  const inference = schema ? undefined : inferRecords(restored?.seen);
  const settings = schema
    ? await encodedFiles(format, schema, marker, encoderOf(config, schema, context), context)
    : lineFiles(format, inference ?? inferRecords(), marker, context);
  const sink = await openFileSink(
    {
      naming: namingOf(config, format.suffix, context),
      numShards: config.num_shards ?? 0,
      ...settings,
    },
    { ...context, ...(restored && { restored: restored.files }) },
  );
  return {
    ...sink,
    prepare: async (): Promise<Json> => {
      const state: RecordSinkState = {
        files: await sink.prepare(),
        ...(inference && { seen: inference.seen }),
      };
      return state as unknown as Json;
    },
  };
}

type Settings = Omit<FileSinkSettings, 'naming' | 'numShards'>;
type EncodeOne = (batch: Batch) => (index: number, output: Output) => string | undefined;

function encoderOf(
  { record = 'row' }: RecordConfig,
  { type }: RecordSchema,
  { input }: StageContext,
): EncodeOne {
  if (record !== 'row') return batch => (i, output) => writeMessage(record, batch, i, output);
  const write = rowWriter(type);
  return batch => {
    const rows = rowsOf(batch, input ?? { form: 'row' });
    return (i, output) => write(rows[i] ?? {}, output);
  };
}

async function encodedFiles(
  format: RecordFormat,
  schema: RecordSchema,
  marker: Buffer,
  encodeOne: EncodeOne,
  { stage }: StageContext,
): Promise<Settings> {
  const output = createOutput();
  // What is staged only is not worth the time that compressing takes.
  const codec = format.blocks ?? 'null';
  return {
    header: () => writeHeader(schema.text, codec, marker),
    pack: await packBlocks(codec, marker),
    encode(batch) {
      const encode = encodeOne(batch);
      const wrong = new Map<number, string>();
      for (let i = 0; i < batch.count; i++) {
        const { at } = output;
        const why = encode(i, output);
        if (why === undefined) continue;
        wrong.set(i, why.trim());
        output.at = at;
        output.depth = 0;
      }
      return { bytes: output.take(), ...refused(batch, wrong, stage) };
    },
    ...(!format.blocks && {
      finish: staged =>
        finishFile(staged, async path => {
          const file = await format.create(path, schema, marker);
          await fill(file, blocksOf(staged));
        }),
    }),
  };
}

/** Records of several batches share a block, as long as it is small. */
const BLOCK_BYTES = 1 << 16;

async function packBlocks(codec: AvroCodec, marker: Buffer): Promise<Pack> {
  const block = await blockWriter(codec, marker);
  return async pieces => {
    const packed: (Buffer | Promise<Buffer>)[] = [];
    let pending: Piece[] = [];
    const close = () => {
      if (pending.length === 0) return;
      const count = pending.reduce((sum, piece) => sum + piece.count, 0);
      packed.push(block(Buffer.concat(pending.map(({ bytes }) => bytes)), count));
      pending = [];
    };
    let bytes = 0;
    for (const piece of pieces) {
      // The file's header is no block.
      if (piece.count === 0) packed.push(piece.bytes);
      else pending.push(piece);
      bytes += piece.bytes.length;
      if (bytes < BLOCK_BYTES) continue;
      close();
      bytes = 0;
    }
    close();
    return Promise.all(packed);
  };
}

function lineFiles(
  format: RecordFormat,
  inference: SchemaInference,
  marker: Buffer,
  { input = { form: 'row' }, report, stage }: StageContext,
): Settings {
  let told = '';
  return {
    encode(batch) {
      const rows = rowsOf(batch, input);
      const wrong = inference.learn(rows);
      const good = wrong.size === 0 ? rows : rows.filter((_, i) => !wrong.has(i));
      return { bytes: encodePayloads(good.map(stringifyRow)).bytes, ...refused(batch, wrong, stage) };
    },
    finish: staged =>
      finishFile(staged, async path => {
        const schema = inference.schema();
        format.check?.(schema);
        const words = inference.describe();
        if (words !== told) report('INFO', `${stage}: the schema that the rows tell is ${words}`);
        told = words;
        const file = await format.create(path, schema, marker);
        await fill(file, recordsOfLines(staged, schema));
      }),
  };
}

/** A file beside the staged one, which a restart may still need as it is. */
async function finishFile(staged: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = `${staged}.whole`;
  await make(path);
  return path;
}

async function fill(
  file: RecordFile,
  pieces: AsyncIterable<{ bytes: Buffer; count: number }>,
): Promise<void> {
  try {
    for await (const { bytes, count } of pieces) await file.append(bytes, count);
    await file.end();
  } finally {
    await file.close();
  }
}

async function* recordsOfLines(
  staged: string,
  { type }: RecordSchema,
): AsyncGenerator<{ bytes: Buffer; count: number }> {
  const lines = await readLines(staged, 0);
  const write = rowWriter(type, true);
  const output = createOutput();
  try {
    for (let batch = await lines.next(); batch; batch = await lines.next()) {
      for (const row of rowsOf(batch, { form: 'row' })) {
        const why = write(row, output);
        if (why !== undefined) throw unfit(row, why);
      }
      yield { bytes: output.take(), count: batch.count };
    }
  } finally {
    await lines.close();
  }
}

const unfit = (row: Row, why: string): SluiceError =>
  new SluiceError(
    'ELEMENT_FAILED',
    `${why.trim()}: no schema that the rows tell takes the row ${stringifyRow(row).slice(0, 200)}: give a schema`,
  );

function refused(batch: Batch, wrong: ReadonlyMap<number, string>, transform: string): { failed?: Batch } {
  if (wrong.size === 0) return {};
  const failures = [...wrong.values()].map(
    (message): Failure => ({ code: 'SCHEMA_VIOLATED', message, transform }),
  );
  return { failed: selectElements(batch, [...wrong.keys()], failures) };
}
