/** Schemas that several operations share. */
import { jobStates } from '../../store/states.ts';

const time = { type: 'string', format: 'date-time' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const texts = { type: 'object', additionalProperties: { type: 'string' } } as const;

export const totals = {
  title: 'Totals',
  type: 'object',
  required: ['elements', 'bytes'],
  properties: {
    elements: {
      type: 'object',
      required: ['read', 'written', 'filtered', 'deadLettered'],
      properties: { read: count, written: count, filtered: count, deadLettered: count },
    },
    bytes: { type: 'object', required: ['read', 'written'], properties: { read: count, written: count } },
  },
} as const;

const recordProperties = {
  id: { type: 'string' },
  name: { type: 'string' },
  projectId: { type: 'string' },
  location: { type: 'string' },
  streaming: { type: 'boolean' },
  state: { type: 'string', enum: jobStates },
  stateTime: time,
  createTime: time,
  startTime: { ...time, description: 'When its workers first ran.' },
  endTime: time,
  wish: {
    type: 'string',
    enum: ['CANCELLED', 'DRAINED', 'UPDATED'],
    description: 'What was asked of it last.',
  },
  templateId: { type: 'string' },
  templatePath: { type: 'string' },
  parameters: { type: 'object', description: 'As they were checked; a secret is only its reference.' },
  labels: texts,
  environment: { type: 'object' },
  workers: count,
  launchedBy: { type: 'string', description: 'The name of a token, or `local`.' },
  owner: { type: 'string', enum: ['service', 'foreground'] },
  restarts: { ...count, description: 'How often its workers were started anew after a crash.' },
  replaces: { type: 'string' },
  replacedBy: { type: 'string' },
  replayOf: { type: 'string', description: 'The job whose dead letters it runs again.' },
  result: {
    type: 'object',
    description: 'What it came to, once it has ended.',
    required: ['elements', 'bytes', 'seconds', 'outputs'],
    properties: {
      ...totals.properties,
      seconds: { type: 'number' },
      outputs: { type: 'array', items: { type: 'string' } },
      errors: {
        type: 'object',
        additionalProperties: count,
        description: 'Dead letters by error code.',
      },
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
} as const;

const required = [
  'id',
  'name',
  'projectId',
  'location',
  'streaming',
  'state',
  'stateTime',
  'createTime',
  'parameters',
  'labels',
  'environment',
  'workers',
  'launchedBy',
  'owner',
  'restarts',
] as const;

export const jobRecord = {
  title: 'JobRecord',
  type: 'object',
  required,
  properties: recordProperties,
} as const;

export const listedJob = {
  title: 'ListedJob',
  type: 'object',
  required,
  properties: {
    ...recordProperties,
    totals,
    rates: {
      type: 'object',
      description: 'What it has read in a second, on the average of all its time.',
      required: ['elementsPerSecond', 'bytesPerSecond'],
      properties: { elementsPerSecond: { type: 'number' }, bytesPerSecond: { type: 'number' } },
    },
  },
} as const;

/** The counters of one transform. */
export const stageCounters = {
  title: 'TransformCounters',
  type: 'object',
  required: ['in', 'out', 'filtered', 'failed'],
  properties: {
    in: count,
    out: count,
    filtered: count,
    failed: count,
    created: { ...count, description: 'Elements it made beyond one for one.' },
    merged: { ...count, description: 'Elements that went into the state of a grouping.' },
    late: { ...count, description: 'Elements that came after their window was published.' },
    bytesIn: count,
    bytesOut: count,
    named: {
      type: 'object',
      additionalProperties: count,
      description: 'Elements on further outputs, by name.',
    },
    errors: { type: 'object', additionalProperties: count, description: 'Failed elements by error code.' },
  },
} as const;

/** What an element that failed carries; see docs/errors.md for the codes. */
export const deadLetter = {
  title: 'DeadLetter',
  type: 'object',
  required: ['id', 'job', 'transform', 'code', 'message', 'attempts', 'time'],
  properties: {
    id: { type: 'string' },
    job: { type: 'string' },
    template: { type: 'string' },
    transform: { type: 'string' },
    source: { type: 'string' },
    code: { type: 'string' },
    message: { type: 'string' },
    stack: { type: 'string' },
    attempts: { type: 'integer', minimum: 1 },
    time: { type: 'string' },
    payload: { type: 'string' },
    payloadBase64: { type: 'string', description: 'The payload, where it is no UTF-8.' },
    eventTime: { type: 'string' },
    attributes: texts,
    messageId: { type: 'string' },
    publishTime: { type: 'string' },
    key: { type: 'string' },
    position: { type: 'string' },
  },
} as const;

/** Letters that a job has counted and that are not where it put them. */
export const missingLetters = {
  type: 'array',
  items: {
    type: 'object',
    required: ['job', 'counted', 'found', 'places', 'why'],
    properties: {
      job: { type: 'string' },
      counted: count,
      found: count,
      places: { type: 'array', items: { type: 'string' } },
      why: { type: 'string' },
    },
  },
} as const;

/** What an element that failed is told with. */
export const failure = {
  type: 'object',
  required: ['code', 'message', 'transform'],
  properties: {
    code: { type: 'string' },
    message: { type: 'string' },
    stack: { type: 'string' },
    transform: { type: 'string' },
  },
} as const;
