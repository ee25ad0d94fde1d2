/** What `WriteToElasticsearch` can be told. */
import { httpProperties } from '../http/settings.ts';

const place = (what: string) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: {
      path: { type: 'string', description: 'The script; without it there is no function.' },
      name: { type: 'string', description: 'The function; default: `transform`.' },
    },
    description: what,
  }) as const;

export const config = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  properties: {
    url: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', minItems: 1, maxItems: 64, items: { type: 'string', minLength: 1 } },
      ],
      description: 'The address of a node, or of several, or the cloud ID of a deployment.',
    },
    index: {
      type: 'string',
      minLength: 1,
      description: 'The index, the alias or the data stream to write to.',
    },
    action: {
      enum: ['INDEX', 'CREATE', 'DELETE'],
      default: 'INDEX',
      description:
        'INDEX replaces a document of the same id, CREATE never does, DELETE removes it. Data streams take CREATE only.',
    },
    partial_update: {
      type: 'boolean',
      default: false,
      description: 'Only the fields given are set in the document of the same id, which is made if need be.',
    },
    id_field: { type: 'string', minLength: 1, description: 'The field that holds the id, e.g. `order.id`.' },
    key_as_id: {
      type: 'boolean',
      default: false,
      description: 'The key of the record or message is the id.',
    },
    index_field: { type: 'string', minLength: 1, description: 'The field that holds the index.' },
    routing_field: { type: 'string', minLength: 1, description: 'The field that holds the routing.' },
    id_function: place('A JavaScript function that gets the document as text and returns its id.'),
    index_function: place('A JavaScript function that returns the index; null: the `index` given.'),
    routing_function: place('A JavaScript function that returns the routing; null: none.'),
    delete_function: place('A JavaScript function that returns "true" for a document that is to be deleted.'),
    username: { type: 'string', description: 'With `password`; goes before `api_key`.' },
    password: { type: 'string', format: 'secret' },
    api_key: { type: 'string', format: 'secret', description: 'An API key, in the encoded form.' },
    ...httpProperties,
    compress: { type: 'boolean', default: false, description: 'Requests are sent compressed, with gzip.' },
    batch_documents: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1000,
      description: 'The most documents in a request.',
    },
    batch_bytes: {
      type: 'integer',
      minimum: 1,
      maximum: 100 << 20,
      default: 5 << 20,
      description: 'The most bytes in a request of several documents.',
    },
    batch_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 60_000,
      default: 500,
      description: 'How long a document waits for others while requests are unanswered.',
    },
    requests: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
      description: 'How many requests may be unanswered at once.',
    },
    retry_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 120_000,
      description:
        'How long what the server does not take now is sent again before the job fails, to be resumed.',
    },
  },
} as const;
