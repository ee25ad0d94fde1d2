/** The envelope of an element that failed: all it takes to understand it, and to try it again. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Batch, originalOf, payloadOf, positionOf } from './batch.ts';
import type { StageContext } from './component.ts';
import { hideSecrets } from './secrets.ts';

export interface DeadLetter {
  /** The same whenever this element fails in this transform of this job, and in every replay of it. */
  id: string;
  /** The job it failed in: a replay is a job of its own. */
  job: string;
  template?: string;
  /** Full name of the transform that failed it. */
  transform: string;
  /** Full name of the source that gave the payload; absent: a grouping made it, and no source can give it again. */
  source?: string;
  code: string;
  message: string;
  stack?: string;
  /** How often it was tried: 1, and one more for each replay. */
  attempts: number;
  /** When it was given up, RFC 3339. Need not repeat after a restart: what was staged is cut back first. */
  time: string;
  /** The payload as the source gave it, when it is UTF-8; otherwise `payloadBase64`. */
  payload?: string;
  payloadBase64?: string;
  /** RFC 3339; absent where elements have no event time. */
  eventTime?: string;
  attributes?: Record<string, string>;
  messageId?: string;
  publishTime?: string;
  key?: string;
  /** `path:offset`, or the message id. */
  position?: string;
}

/** Where a worker keeps the letters that it writes to a table as bare rows. @param directory the worker's folder */
export const keptLettersFile = (directory: string, stage: string): string =>
  join(directory, 'stages', encodeURIComponent(stage), 'letters.ndjson');

/** What a checkpoint knows of that file: what lies beyond the length does not count yet. */
export interface KeptLetters {
  length: number;
}

/** The dead letter of an element of an error output. */
export function deadLetterOf(
  batch: Batch,
  index: number,
  { jobId, templateId }: Pick<StageContext, 'jobId' | 'templateId'>,
): DeadLetter {
  const { batch: given, index: at } = originalOf(batch, index);
  const payload = payloadOf(given, at);
  const position = positionOf(batch, index);
  const replayed = given.replayed?.[at];
  const { transform = '', code = 'UNKNOWN', message = '', stack } = batch.failures?.[index] ?? {};
  const { attributes, messageId, publishTime, key } = batch.metadata?.[index] ?? {};
  const eventTime = given.times?.[at];
  return {
    id: replayed?.id ?? idOf(jobId, transform, position ?? payload),
    job: jobId,
    ...(templateId !== undefined && { template: templateId }),
    transform,
    ...(given.source !== undefined && { source: given.source }),
    code,
    message: hideSecrets(message),
    ...(stack !== undefined && { stack: hideSecrets(stack) }),
    attempts: (replayed?.attempts ?? 0) + 1,
    time: new Date().toISOString(),
    ...(isUtf8(payload) ? { payload: payload.toString() } : { payloadBase64: payload.toString('base64') }),
    ...(isTime(eventTime) && { eventTime: new Date(eventTime).toISOString() }),
    ...(attributes && { attributes }),
    ...(messageId !== undefined && { messageId }),
    ...(publishTime !== undefined && { publishTime }),
    ...(key !== undefined && { key }),
    ...(position !== undefined && { position }),
  };
}

/** A date can be made of it. */
const isTime = (ms: number | undefined): ms is number => Math.abs(ms ?? Number.NaN) <= 8.64e15;

function idOf(job: string, transform: string, element: string | Buffer): string {
  const hash = createHash('sha256');
  for (const part of [job, transform]) hash.update(`${Buffer.byteLength(part)}:${part}`);
  // A position and a payload of the same bytes are not the same element.
  hash.update(typeof element === 'string' ? 'position:' : 'payload:').update(element);
  return hash.digest('hex').slice(0, 32);
}
