/** The envelope of an element that failed: all it takes to understand it, and to try it again. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type Batch, payloadOf, positionOf } from './batch.ts';
import type { StageContext } from './component.ts';

export interface DeadLetter {
  /** The same whenever this element fails in this transform of this job. */
  id: string;
  job: string;
  template?: string;
  /** Full name of the transform that failed it. */
  transform: string;
  code: string;
  message: string;
  stack?: string;
  /** How often this job tried it. */
  attempts: number;
  /** When it was given up, RFC 3339. Need not repeat after a restart: what was staged is cut back first. */
  time: string;
  /** The payload before the transform, when it is UTF-8; otherwise `payloadBase64`. */
  payload?: string;
  payloadBase64?: string;
  attributes?: Record<string, string>;
  messageId?: string;
  publishTime?: string;
  key?: string;
  /** `path:offset`, or the message id. */
  position?: string;
}

/** The dead letter of an element of an error output. */
export function deadLetterOf(
  batch: Batch,
  index: number,
  { jobId, templateId }: Pick<StageContext, 'jobId' | 'templateId'>,
): DeadLetter {
  const payload = payloadOf(batch, index);
  const position = positionOf(batch, index);
  const { transform = '', code = 'UNKNOWN', message = '', stack } = batch.failures?.[index] ?? {};
  const { attributes, messageId, publishTime, key } = batch.metadata?.[index] ?? {};
  return {
    id: idOf(jobId, transform, position ?? payload),
    job: jobId,
    ...(templateId !== undefined && { template: templateId }),
    transform,
    code,
    message,
    ...(stack !== undefined && { stack }),
    attempts: 1,
    time: new Date().toISOString(),
    ...(isUtf8(payload) ? { payload: payload.toString() } : { payloadBase64: payload.toString('base64') }),
    ...(attributes && { attributes }),
    ...(messageId !== undefined && { messageId }),
    ...(publishTime !== undefined && { publishTime }),
    ...(key !== undefined && { key }),
    ...(position !== undefined && { position }),
  };
}

function idOf(job: string, transform: string, element: string | Buffer): string {
  const hash = createHash('sha256');
  for (const part of [job, transform]) hash.update(`${Buffer.byteLength(part)}:${part}`);
  // A position and a payload of the same bytes are not the same element.
  hash.update(typeof element === 'string' ? 'position:' : 'payload:').update(element);
  return hash.digest('hex').slice(0, 32);
}
