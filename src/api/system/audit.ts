import { auditEntries } from '../../access/audit.ts';
import { SluiceError } from '../../errors.ts';
import { defineOperation } from '../operation.ts';

/** Who did what, the latest first. */
export const listAudit = defineOperation({
  id: 'listAudit',
  tag: 'Access',
  summary: 'Who launched, stopped, uploaded or replayed what, the latest first',
  method: 'get',
  path: '/api/audit',
  role: 'admin',
  query: {
    type: 'object',
    properties: {
      subject: { type: 'string', description: 'Only what was done to this job, function or token' },
      who: { type: 'string', description: 'Only what the bearer of the token of this name did' },
      pageSize: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
      pageToken: { type: 'string' },
    },
  },
  response: {
    type: 'object',
    required: ['entries'],
    properties: {
      entries: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'time', 'who', 'action', 'subject', 'details'],
          properties: {
            id: { type: 'integer' },
            time: { type: 'string', format: 'date-time' },
            who: { type: 'string' },
            action: { type: 'string', examples: ['job.launch', 'job.stop', 'udf.upload', 'token.create'] },
            subject: { type: 'string' },
            details: { type: 'object' },
          },
        },
      },
      nextPageToken: { type: 'string' },
    },
  },
  handle: ({ query: { subject, who, pageSize = 100, pageToken } }, service) => {
    const { items, nextPageToken } = auditEntries(
      service,
      { subject, who, beforeId: placeOf(pageToken) },
      pageSize,
    );
    return { entries: items, ...(nextPageToken !== undefined && { nextPageToken }) };
  },
});

function placeOf(pageToken: string | undefined): number | undefined {
  if (pageToken === undefined || pageToken === '') return undefined;
  const id = Number(pageToken);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new SluiceError('REQUEST_INVALID', 'pageToken: no page has given this token');
}
