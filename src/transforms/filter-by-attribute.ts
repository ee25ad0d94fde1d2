/** FilterByAttribute: keeps the messages one of whose attributes matches. */
import { RE2JS } from 're2js';
import { type Metadata, selectElements } from '../engine/batch.ts';
import { defineTransform } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';

export const filterByAttribute = defineTransform({
  name: 'FilterByAttribute',
  summary: 'Keeps the messages whose attribute matches a pattern.',
  description:
    'The pattern must match the whole value; a message without the attribute is dropped, and counted as filtered.',
  config: {
    type: 'object',
    required: ['key', 'pattern'],
    properties: {
      key: { type: 'string', minLength: 1, description: 'The attribute.' },
      pattern: {
        type: 'string',
        maxLength: 1000,
        description: 'A regular expression in the syntax of RE2: no look-around, no back-references.',
      },
    },
  },
  examples: [
    {
      title: 'Only the messages from Europe',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: projects/demo/subscriptions/orders}
    - type: FilterByAttribute
      config: {key: region, pattern: "eu-.*"}
    - type: WriteToPubSub
      config: {topic: projects/demo/topics/orders-eu, keep_attributes: true}
`,
    },
  ],
  output: input => input,
  open: async ({ key, pattern }, context) => {
    const compiled = compile(pattern, context.stage);
    const isKept = ({ attributes }: Metadata): boolean => {
      const value = attributes && Object.hasOwn(attributes, key) ? attributes[key] : undefined;
      return value !== undefined && compiled.matches(value);
    };
    return {
      process: batch => {
        const kept = (batch.metadata ?? []).flatMap((metadata, i) => (isKept(metadata) ? [i] : []));
        if (kept.length === batch.count) return { good: [batch] };
        const filtered = batch.count - kept.length;
        return { good: kept.length > 0 ? [selectElements(batch, kept)] : [], filtered };
      },
    };
  },
});

function compile(pattern: string, stage: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('PIPELINE_INVALID', `${stage}: the pattern ${pattern} is not valid: ${why}`, {
      cause: error,
    });
  }
}
