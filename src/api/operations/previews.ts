import { previewElements } from '../../service/previews.ts';
import { defineOperation } from '../operation.ts';
import { failure } from './schemas.ts';

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;

/** A few real elements through a pipeline. */
export const createPreview = defineOperation({
  id: 'createPreview',
  tag: 'Previews',
  summary: 'What would become of a few real elements; nothing is written or acknowledged',
  method: 'post',
  path: '/api/previews',
  role: 'operator',
  body: {
    type: 'object',
    additionalProperties: false,
    oneOf: [{ required: ['templateId'] }, { required: ['pipeline'] }],
    properties: {
      templateId: { ...text, minLength: 1, description: 'The id or an alias of a template, or …' },
      pipeline: {
        anyOf: [{ type: 'string', minLength: 1 }, { type: 'object' }],
        description: '… a pipeline in Beam YAML, as a text or as what it stands for.',
      },
      parameters: { type: 'object' },
      elements: { type: 'integer', minimum: 1, maximum: 1000, default: 5 },
    },
  },
  example: {
    pipeline: {
      pipeline: {
        type: 'chain',
        transforms: [
          { type: 'Create', config: { elements: ['one', 'two'] } },
          { type: 'JavaScriptUdf', config: { source: 'function process(x) { return x + "!"; }' } },
          { type: 'LogForTesting' },
        ],
      },
    },
    elements: 2,
  },
  response: {
    type: 'object',
    required: ['elements', 'warnings'],
    properties: {
      elements: {
        type: 'array',
        items: {
          type: 'object',
          required: ['input', 'outputs', 'filteredBy', 'failures'],
          properties: {
            position: { ...text, description: 'Where it came from: `path:offset`, or the id of a message.' },
            input: text,
            outputs: {
              type: 'array',
              items: {
                type: 'object',
                required: ['sink', 'payload'],
                properties: { sink: text, payload: text },
              },
            },
            filteredBy: texts,
            failures: { type: 'array', items: failure },
          },
        },
      },
      warnings: { ...texts, description: 'What stages had to say.' },
    },
  },
  handle: ({ body, signal }, service) => previewElements(service, body, signal),
});
