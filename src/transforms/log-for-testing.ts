/** LogForTesting: shows what flows by. */
import { type Batch, payloadOf } from '../engine/batch.ts';
import { defineTransform } from '../engine/component.ts';

/** A log that repeats the data is no log: of each batch only the first elements are shown. */
const MAX_ELEMENTS = 20;
const MAX_CHARACTERS = 1000;

export const logForTesting = defineTransform({
  name: 'LogForTesting',
  summary: 'Logs elements and passes them on.',
  description: `Of each batch at most ${MAX_ELEMENTS} elements are logged, of each element ${MAX_CHARACTERS} characters.`,
  config: {
    type: 'object',
    properties: {
      level: {
        enum: ['DEBUG', 'INFO', 'WARNING', 'ERROR'],
        default: 'INFO',
        description: 'How severe the message is.',
      },
      prefix: { type: 'string', default: '', description: 'Stands before each element.' },
    },
  },
  examples: [
    {
      title: 'A look at the rows',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [1, 2]}
    - type: LogForTesting
      config: {prefix: "row: "}
`,
      output: ['{"element":1}', '{"element":2}'],
    },
  ],
  output: input => input,
  open: async ({ level, prefix }, context) => ({
    process: batch => {
      const shown = Math.min(batch.count, MAX_ELEMENTS);
      for (let i = 0; i < shown; i++) context.report(level, prefix + describe(batch, i));
      if (batch.count > shown) context.report(level, `${prefix}… and ${batch.count - shown} more`);
      return { good: [batch] };
    },
  }),
});

function describe(batch: Batch, index: number): string {
  const payload = payloadOf(batch, index);
  // A character takes at most four bytes.
  const text = payload.subarray(0, MAX_CHARACTERS * 4).toString();
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  const failure = batch.failures?.[index];
  return failure ? `${cut} (${failure.code}: ${failure.message})` : cut;
}
