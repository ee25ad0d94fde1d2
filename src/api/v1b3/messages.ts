/** The messages of a job. */
import type { Severity } from '../../worker/protocol.ts';
import { defineDataflow, jobAt, pageSizeOf, pathsOf } from './dataflow-operation.ts';
import { importances } from './enums.ts';
import { locationQuery, pageSize, pageToken, timeSchema } from './schemas.ts';

const text = { type: 'string' } as const;

export const listJobMessages = defineDataflow({
  id: 'listJobMessages',
  summary: 'Lists the messages of a job, the oldest first.',
  method: 'get',
  ...pathsOf('jobs/{jobId}/messages'),
  role: 'viewer',
  query: {
    type: 'object',
    properties: {
      minimumImportance: { enum: importances },
      startTime: { ...timeSchema, description: 'From then on.' },
      endTime: { ...timeSchema, description: 'Before then.' },
      pageSize,
      pageToken,
      location: locationQuery,
    },
  },
  response: {
    type: 'object',
    required: ['jobMessages'],
    properties: {
      jobMessages: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'time', 'messageText', 'messageImportance'],
          properties: {
            id: text,
            time: timeSchema,
            messageText: text,
            messageImportance: { enum: importances },
          },
        },
      },
      nextPageToken: text,
    },
  },
  handle(request, service) {
    const { id } = jobAt(request, service);
    const { minimumImportance, startTime, endTime, pageSize: size, pageToken: token } = request.query;
    const { items, nextPageToken } = service.store.messages.list(
      id,
      {
        severities: severitiesFrom(minimumImportance),
        ...(startTime && { from: Date.parse(startTime) }),
        ...(endTime && { to: Date.parse(endTime) }),
      },
      pageSizeOf(size),
      token,
    );
    return {
      jobMessages: items.map(message => ({
        id: String(message.id),
        time: new Date(message.time).toISOString(),
        messageText: message.stage === undefined ? message.text : `${message.stage}: ${message.text}`,
        messageImportance: importanceOf[message.severity],
      })),
      ...(nextPageToken && { nextPageToken }),
    };
  },
});

const importanceOf: Record<Severity, (typeof importances)[number]> = {
  DEBUG: 'JOB_MESSAGE_DEBUG',
  INFO: 'JOB_MESSAGE_BASIC',
  WARNING: 'JOB_MESSAGE_WARNING',
  ERROR: 'JOB_MESSAGE_ERROR',
};

/** By their weight. */
const severities: readonly Severity[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR'];

/** Those of at least this weight; absent: all. We have nothing that is only detailed. */
function severitiesFrom(minimum: (typeof importances)[number] | undefined): Severity[] | undefined {
  const atLeast = minimum === 'JOB_MESSAGE_DETAILED' ? 'JOB_MESSAGE_BASIC' : minimum;
  const index = severities.findIndex(severity => importanceOf[severity] === atLeast);
  return index > 0 ? severities.slice(index) : undefined;
}
