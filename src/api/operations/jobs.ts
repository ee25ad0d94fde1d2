/** Jobs, as those see them who look after them. */

import { streamEvents } from '../../service/events.ts';
import { listJobs, showJob } from '../../service/jobs.ts';
import { defineOperation } from '../operation.ts';
import { listedJob, stageCounters } from './schemas.ts';

const common = { tag: 'Jobs', method: 'get', role: 'viewer' } as const;
const text = { type: 'string' } as const;

export const listAllJobs = defineOperation({
  ...common,
  id: 'listAllJobs',
  summary: 'Jobs, the active ones first, and those that `sluice run` runs too',
  path: '/api/jobs',
  query: {
    type: 'object',
    properties: {
      status: { type: 'string', enum: ['active', 'ended', 'all'], default: 'all' },
      name: text,
      template: { ...text, description: 'The id of a template.' },
      pageSize: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
      pageToken: text,
    },
  },
  response: {
    type: 'object',
    required: ['jobs'],
    properties: { jobs: { type: 'array', items: listedJob }, nextPageToken: text },
  },
  handle: async ({ query: { status, name, template, pageSize = 50, pageToken } }, service) => {
    const filter = {
      ...(status !== undefined && status !== 'all' && { status }),
      ...(name !== undefined && { name }),
      ...(template !== undefined && { templateId: template }),
    };
    const { items, ...page } = await listJobs(service, filter, pageSize, pageToken);
    return { jobs: items, ...page };
  },
});

export const showOneJob = defineOperation({
  ...common,
  id: 'showJob',
  summary: 'A job in full: its record, what it has counted, and what it runs',
  path: '/api/jobs/{jobId}',
  response: {
    title: 'ShownJob',
    type: 'object',
    required: listedJob.required,
    properties: {
      ...listedJob.properties,
      counters: {
        type: 'object',
        description: 'By the full name of the transform.',
        additionalProperties: stageCounters,
      },
      watermark: { type: 'number', description: 'Milliseconds since the epoch.' },
      graph: {
        type: 'object',
        required: ['nodes', 'edges'],
        properties: {
          nodes: {
            type: 'array',
            items: {
              type: 'object',
              required: ['id', 'type', 'kind', 'deadLetter'],
              properties: {
                id: text,
                type: text,
                kind: { type: 'string', enum: ['source', 'transform', 'sink'] },
                deadLetter: { type: 'boolean', description: 'What is written here is a dead letter.' },
              },
            },
          },
          edges: {
            type: 'array',
            items: {
              type: 'object',
              required: ['from', 'to', 'output'],
              properties: {
                from: text,
                to: text,
                output: { ...text, description: '`good`, `errors`, or the name of a further output.' },
              },
            },
          },
        },
      },
    },
  },
  handle: ({ path: { jobId = '' } }, service) => showJob(service, jobId),
});

const events = {
  ...common,
  description:
    'Server-Sent Events: `state` with the record, `progress` with counters and totals, `message` with its id. A ' +
    'client that comes back with `Last-Event-ID` gets every message that it has missed.',
  responseType: 'text/event-stream',
  response: { type: 'string' },
} as const;
const contentType = 'text/event-stream; charset=utf-8';

export const streamJobEvents = defineOperation({
  ...events,
  id: 'streamJobEvents',
  summary: 'What becomes of a job, as it happens; ends with the event `end` when the job has ended',
  path: '/api/jobs/{jobId}/events',
  handle: ({ path: { jobId = '' }, lastEventId, signal }, service) => ({
    contentType,
    stream: streamEvents(service, { jobId, lastEventId }, signal),
  }),
});

export const streamAllEvents = defineOperation({
  ...events,
  id: 'streamEvents',
  summary: 'What becomes of all jobs, as it happens',
  path: '/api/events',
  handle: ({ lastEventId, signal }, service) => ({
    contentType,
    stream: streamEvents(service, { lastEventId }, signal),
  }),
});
