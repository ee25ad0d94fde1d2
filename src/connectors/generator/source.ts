/** `GenerateFromSchema`: records made up after a schema, at a steady rate. */
import { readTextFile } from '../../cloud/storage.ts';
import type { Config } from '../../config.ts';
import type { Batch } from '../../engine/batch.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import type { Draw } from './functions.ts';
import { isMessage, messagesOf } from './message.ts';
import { createPace } from './pace.ts';
import { createRandom } from './random.ts';
import { compileSchema, type RecordSchema } from './schema.ts';
import { schemas } from './schemas.ts';

const config = {
  type: 'object',
  additionalProperties: false,
  oneOf: [{ required: ['schema'] }, { required: ['path'] }, { required: ['template'] }],
  properties: {
    schema: { type: 'string', minLength: 1, description: 'The schema itself.' },
    path: { type: 'string', minLength: 1, description: 'The file with the schema.' },
    template: { enum: ['GAME_EVENT'], description: 'A schema that comes with Sluice.' },
    rate: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'Records a second; absent: as fast as they are taken.',
    },
    limit: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description: 'After how many records it ends; 0: never.',
    },
    message_fields: {
      type: 'boolean',
      default: false,
      description:
        'Of records that are objects with `payload`, that alone is the payload, and `attributes` are those of the message.',
    },
    seed: {
      type: 'integer',
      minimum: 0,
      description: 'The same seed gives the same records, but for times.',
    },
  },
} as const;

interface Settings {
  schema?: string;
  path?: string;
  template?: keyof typeof schemas;
  rate?: number;
  limit?: number;
  message_fields?: boolean;
  seed?: number;
}

export const generateFromSchema = defineSource({
  name: 'GenerateFromSchema',
  system: 'Generator',
  summary: 'Makes up records after a schema, at a steady rate.',
  description:
    'A schema is the text of a record with functions in it: `uuid()`, `timestamp()` (ms), `date()` (ISO 8601), `index()`, `ipv4()`, `ipv6()`, `country()`, `username()`, `firstName()`, `lastName()`, `email()`, `random("a", "b")`, `integer(1, 10)`, `long()`, `double(0, 1)`, `bool()`, `alpha(5)`, `alphaNumeric(5)`, `hex(8)`, each in double braces. Records in JSON are put on one line. The time of a record is the one when it was made.',
  config,
  examples: [
    {
      title: 'Three records',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: GenerateFromSchema\n      config: {schema: "{\\"n\\": {{index()}}}", limit: 3}\n    - type: LogForTesting\n',
      output: ['{"n":0}', '{"n":1}', '{"n":2}'],
    },
  ],
  streaming: true,
  output: () => ({ form: 'text', field: 'payload' }),
  reach: ({ path }) => ({ reads: [path] }),
  open: openGenerator,
});

/** About the size of a batch, in bytes, and the most records in one. */
const BATCH_BYTES = 128 * 1024;
const MAX_BATCH = 8192;

/** Where a generator stands, for the checkpoint. */
interface Position {
  count: number;
  random: number[];
}

async function openGenerator(settings: Settings, context: StageContext): Promise<Source> {
  const { rate, limit = 0, seed } = settings;
  const { worker } = context;
  const schema = await readSchema(settings, context.config);
  const restored = context.restored as unknown as Position | undefined;
  const random = createRandom(restored?.random ?? (seed === undefined ? undefined : seed + worker.index));
  const share = limit === 0 ? Number.POSITIVE_INFINITY : shareOf(limit, worker);
  const sample = schema.make({ random: createRandom(1), now: Date.now(), index: 0 });
  const most = Math.max(1, Math.min(MAX_BATCH, Math.floor(BATCH_BYTES / (sample.length + 1))));
  const hasMessages = settings.message_fields === true && isMessage(sample);
  const pace = createPace(rate === undefined ? undefined : rate / worker.count, performance.now());
  let count = restored?.count ?? 0;
  let lastTime = 0;
  const clock = () => {
    lastTime = Math.max(lastTime, Date.now());
    return lastTime;
  };

  return {
    async read(signal) {
      if (count >= share) return 'end';
      const wanted = Math.min(most, share - count);
      let due = pace.due(performance.now(), wanted);
      while (due === 0) {
        if (await interruptedWait(pace.waitMs(), signal)) return 'idle';
        due = pace.due(performance.now(), wanted);
      }
      pace.take(due);
      // Workers count in turn, so that no index is there twice.
      const index = count * worker.count + worker.index;
      const batch = makeBatch(schema, due, worker.count, { random, now: clock(), index });
      count += due;
      return hasMessages ? messagesOf(batch) : batch;
    },
    watermark: clock,
    snapshot: (): Json => ({ count, random: random.state() }),
    close: async () => {},
  };
}

function makeBatch(schema: RecordSchema, count: number, step: number, draw: Draw): Batch {
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  let text = '';
  let at = 0;
  for (let i = 0; i < count; i++) {
    const record = schema.make(draw);
    draw.index += step;
    text += record;
    text += '\n';
    starts[i] = at;
    at += schema.isAscii ? record.length : Buffer.byteLength(record);
    ends[i] = at;
    at++;
  }
  const bytes = Buffer.from(text, schema.isAscii ? 'latin1' : 'utf8');
  return { count, bytes, starts, ends, lines: true, times: new Float64Array(count).fill(draw.now) };
}

/** What one of several workers makes of a limit. */
function shareOf(limit: number, { index, count }: StageContext['worker']): number {
  return Math.floor(limit / count) + (index < limit % count ? 1 : 0);
}

/** Waits; true when the signal cut it short. */
function interruptedWait(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(true);
  return new Promise(resolve => {
    const stop = (interrupted: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(interrupted);
    };
    const onAbort = () => stop(true);
    const timer = setTimeout(() => stop(false), milliseconds);
    signal.addEventListener('abort', onAbort);
  });
}

async function readSchema({ schema, path, template }: Settings, home: Config): Promise<RecordSchema> {
  if (template !== undefined) return compileSchema(schemas[template], template);
  if (path === undefined) return compileSchema(schema ?? '', 'schema');
  return compileSchema(await readTextFile(path, 'the schema', home), path);
}
