/** WindowInto: says which windows the elements below it fall into. */
import { defineTransform, type Windowing } from '../engine/component.ts';
import { parseDuration } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';

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
          type: { enum: ['fixed', 'global'], description: 'Windows of one length, or a single one.' },
          size: {
            type: ['string', 'number'],
            description: 'Length of a fixed window: `30s`, `5m`, `1h`; a number is seconds.',
          },
          offset: {
            type: ['string', 'number'],
            description: 'Shifts the windows, which start at the epoch: less than `size`.',
          },
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
  ],
  output: input => input,
  window: ({ windowing }) => readWindowing(windowing),
  open: async () => ({ process: batch => ({ good: [batch] }) }),
});

interface Written {
  type: 'fixed' | 'global';
  size?: string | number;
  offset?: string | number;
}

function readWindowing({ type, size, offset }: Written): Windowing {
  if (type === 'global') return { type };
  const sizeMs = readDuration('size', size);
  const offsetMs = offset === undefined ? 0 : readDuration('offset', offset);
  if (sizeMs === 0) throw new SluiceError('PIPELINE_INVALID', 'the size of a window is more than 0');
  if (offsetMs >= sizeMs)
    throw new SluiceError('PIPELINE_INVALID', 'the offset of a window is less than its size');
  return { type, sizeMs, offsetMs };
}

function readDuration(name: string, written: string | number | undefined): number {
  if (written === undefined)
    throw new SluiceError('PIPELINE_INVALID', `a fixed window needs ${name}, such as 60s`);
  const ms = parseDuration(String(written));
  if (ms !== undefined) return ms;
  const hint = /\dd/.test(String(written)) ? ' (Beam takes d for twelve hours: write h)' : '';
  throw new SluiceError(
    'PIPELINE_INVALID',
    `the ${name} ${written} is no duration: write 30s, 5m or 1h30m${hint}`,
  );
}
