/** Dead letters: which there are, what each says, and running them again. */
import { listLetters, replayLetters, showLetters } from '../../service/letters.ts';
import { defineOperation } from '../operation.ts';
import { deadLetter, jobRecord, missingLetters } from './schemas.ts';

const tag = 'Dead letters';
const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const count = { type: 'integer', minimum: 0 } as const;
const code = { ...text, description: 'Only those with this error code.' } as const;

const subscription = {
  ...text,
  description: 'What keeps the letters of a dead-letter topic; absent: our own.',
} as const;

export const listDeadLetters = defineOperation({
  id: 'listDeadLetters',
  tag,
  summary: 'The dead letters of a job and of its replays, by error code and transform',
  method: 'get',
  path: '/api/jobs/{jobId}/deadLetters',
  role: 'viewer',
  query: { type: 'object', properties: { code, subscription } },
  response: {
    type: 'object',
    required: ['jobId', 'deadLetters', 'waiting', 'groups', 'places', 'replays', 'missing', 'faults'],
    properties: {
      jobId: text,
      deadLetters: { ...count, description: 'Elements, however often each has failed.' },
      waiting: { ...count, description: 'Those that no replay has taken.' },
      groups: {
        type: 'array',
        items: {
          type: 'object',
          required: ['code', 'transform', 'count', 'waiting', 'message', 'id'],
          properties: {
            code: text,
            transform: text,
            count,
            waiting: count,
            message: { ...text, description: 'Of the first one; its id is `id`.' },
            id: text,
          },
        },
      },
      places: { ...texts, description: 'Where they are.' },
      replays: { ...texts, description: 'The ids of the replays.' },
      missing: missingLetters,
      faults: {
        type: 'object',
        description: 'Lines there that are no dead letters.',
        required: ['count', 'first'],
        properties: { count, first: texts },
      },
    },
  },
  handle: ({ path: { jobId = '' }, query, signal }, service) => listLetters(service, jobId, query, signal),
});

export const showDeadLetters = defineOperation({
  id: 'showDeadLetters',
  tag,
  summary: 'Dead letters in full',
  method: 'get',
  path: '/api/jobs/{jobId}/deadLetters/letters',
  role: 'viewer',
  query: {
    type: 'object',
    properties: {
      code,
      subscription,
      id: { ...text, description: 'Only the letter of this id.' },
      limit: { type: 'integer', minimum: 1, maximum: 10_000, default: 20 },
    },
  },
  response: {
    type: 'object',
    required: ['letters'],
    properties: { letters: { type: 'array', items: deadLetter } },
  },
  handle: async ({ path: { jobId = '' }, query: { limit = 20, ...asked }, signal }, service) => ({
    letters: await showLetters(service, jobId, { ...asked, limit }, signal),
  }),
});

export const replayDeadLetters = defineOperation({
  id: 'replayDeadLetters',
  tag,
  summary: 'Run dead letters through the pipeline again, as a job of its own; each is taken once',
  method: 'post',
  path: '/api/jobs/{jobId}:replay',
  role: 'operator',
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      code,
      subscription,
      ids: { type: 'array', items: text, minItems: 1, maxItems: 10_000 },
      udf: { ...text, minLength: 1, description: 'Another script for the function.' },
      function: { ...text, description: 'Another function of the script.' },
      parameters: { type: 'object', description: 'Parameters of the template to be changed.' },
      again: { type: 'boolean', description: 'Also those that were replayed before.' },
      maxAttempts: {
        type: 'integer',
        minimum: 1,
        maximum: 1_000_000,
        default: 10,
        description: 'What was tried so often is not tried again.',
      },
    },
  },
  example: { udf: 'udf://filter' },
  response: {
    type: 'object',
    required: ['replayedBefore', 'missing', 'warnings'],
    properties: {
      job: { ...jobRecord, description: 'Absent: there is nothing to replay.' },
      replayedBefore: count,
      missing: missingLetters,
      warnings: { ...texts, description: 'What was left out, and what is to be minded.' },
    },
  },
  handle: ({ path: { jobId = '' }, body, caller, signal }, service) =>
    replayLetters(service, jobId, body, caller, signal),
});
