/** WindowInto: says which windows the elements below it fall into. */
import { defineTransform, type Windowing } from '../engine/component.ts';
import { parseDuration } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';
import { retimed } from '../formats/rows.ts';

const duration = (description: string) => ({ type: ['string', 'number'], description }) as const;
/** Each element falls into so many windows at most. */
const MAX_OVERLAP = 10_000;

export const windowInto = defineTransform({
  name: 'WindowInto',
  summary: 'Puts elements into windows of event time.',
  description:
    'The elements pass unchanged; what groups or writes by window below takes it from here. Every transform also ' +
    'takes a `windowing` of its own, which stands for a WindowInto before it (behind it, for a source).',
  config: {
    type: 'object',
    required: ['windowing'],
    properties: {
      windowing: {
        type: 'object',
        required: ['type'],
        additionalProperties: false,
        properties: {
          type: {
            enum: ['fixed', 'sliding', 'sessions', 'global'],
            description:
              '`fixed`: windows of one length, side by side; `sliding`: windows that overlap; `sessions`: windows ' +
              'that end when a key is silent for a while; `global`: a single one.',
          },
          size: duration(
            'Length of a fixed or sliding window: `30s`, `5m`, `1h30m`; a number is seconds. `d` is refused.',
          ),
          period: duration('A sliding window begins each such time: at most `size`.'),
          offset: duration(
            'Shifts fixed and sliding windows, which start at the epoch: less than `size`, or `period`.',
          ),
          gap: duration(
            'A session ends when nothing comes for so long; elements exactly so far apart part it.',
          ),
          allowed_lateness: duration(
            'How long after its end a window still takes elements: a grouping then gives the amended result. Default 0.',
          ),
        },
      },
    },
  },
  examples: [
    {
      title: 'Windows of a minute',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [1, 2]}
    - type: WindowInto
      config:
        windowing: {type: fixed, size: 60s}
`,
      output: ['{"element":1}', '{"element":2}'],
    },
    {
      title: 'Sessions of one user end after ten silent minutes',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromJson
      config: {path: gs://bucket/in/views.ndjson}
    - type: Combine
      windowing: {type: sessions, gap: 10m}
      config: {group_by: user, combine: {pages: {value: page, fn: count}}}
    - type: LogForTesting
`,
    },
  ],
  output: input => input,
  window: ({ windowing }) => readWindowing(windowing),
  open: async () => ({
    // Windows that an earlier grouping gave were those of an earlier windowing.
    process: batch => ({ good: [batch.windows ? retimed(batch, { times: batch.times }) : batch] }),
  }),
});

interface Written {
  type: Windowing['type'];
  size?: string | number;
  period?: string | number;
  offset?: string | number;
  gap?: string | number;
  allowed_lateness?: string | number;
}

const TAKES: Record<Windowing['type'], (keyof Written)[]> = {
  global: [],
  fixed: ['size', 'offset', 'allowed_lateness'],
  sliding: ['size', 'period', 'offset', 'allowed_lateness'],
  sessions: ['gap', 'allowed_lateness'],
};

/** @throws SluiceError PIPELINE_INVALID which says what is wrong with it */
function readWindowing(written: Written): Windowing {
  const { type } = written;
  for (const key of Object.keys(written) as (keyof Written)[])
    if (key !== 'type' && !TAKES[type].includes(key))
      refuse(`${type} windows take no ${key}${listOf(TAKES[type])}`);
  if (type === 'global') return { type };
  const latenessMs = readDuration(written, 'allowed_lateness', 0);
  const lateness = latenessMs > 0 ? { latenessMs } : {};
  if (type === 'sessions') return { type, gapMs: readLength(written, 'gap'), ...lateness };
  const sizeMs = readLength(written, 'size');
  const offsetMs = readDuration(written, 'offset', 0);
  if (type === 'fixed') {
    if (offsetMs >= sizeMs) refuse('the offset of a window is less than its size');
    return { type, sizeMs, offsetMs, ...lateness };
  }
  const periodMs = readLength(written, 'period');
  if (periodMs > sizeMs) refuse('the period of sliding windows is at most their size');
  if (offsetMs >= periodMs) refuse('the offset of sliding windows is less than their period');
  if (sizeMs / periodMs > MAX_OVERLAP)
    refuse(`the size of sliding windows is at most ${MAX_OVERLAP} periods`);
  return { type, sizeMs, periodMs, offsetMs, ...lateness };
}

function readLength(written: Written, key: keyof Written): number {
  const ms = readDuration(written, key);
  if (ms === 0) refuse(`the ${key} of a window is more than 0`);
  return ms;
}

function readDuration(written: Written, key: keyof Written, standard?: number): number {
  const value = written[key];
  if (value === undefined && standard !== undefined) return standard;
  if (value === undefined) return refuse(`${written.type} windows need ${key}, such as 60s`);
  const ms = parseDuration(String(value));
  if (ms !== undefined) return ms;
  const hint = /\dd/.test(String(value)) ? ' (Beam takes d for twelve hours: write h)' : '';
  return refuse(`the ${key} ${value} is no duration: write 30s, 5m or 1h30m${hint}`);
}

const listOf = (keys: readonly string[]): string => (keys.length === 0 ? '' : `, only ${keys.join(', ')}`);

function refuse(message: string): never {
  throw new SluiceError('PIPELINE_INVALID', message);
}
