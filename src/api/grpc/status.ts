/** An error as gRPC tells it: the code, the message, and the details that REST has in its body. */
import { Metadata, type ServerErrorResponse } from '@grpc/grpc-js';
import { canonicalStatuses } from '../../errors.ts';
import { errorAnswer } from '../errors.ts';
import type { Protocol } from './protocol.ts';

const TYPE_PREFIX = 'type.googleapis.com/';
const DETAILS = 'grpc-status-details-bin';

/** What to answer for anything thrown. */
export function statusOf(thrown: unknown, requestId: string, protocol: Protocol): ServerErrorResponse {
  const { message, status, details } = errorAnswer(thrown, requestId).body.error;
  const code = canonicalStatuses[status];
  const metadata = new Metadata();
  const packed = details.flatMap(({ '@type': url, ...fields }) => {
    const value = protocol.message(url.slice(TYPE_PREFIX.length))?.serialize(fields);
    return value ? [{ type_url: url, value }] : [];
  });
  const all = protocol.message('google.rpc.Status')?.serialize({ code, message, details: packed });
  // Clients take no header of any size: then the message, which names everything, must do.
  if (all && all.length <= MAX_DETAILS) metadata.set(DETAILS, all);
  return { name: status, message, code, details: shortened(message), metadata };
}

const MAX_DETAILS = 4096;
const MAX_MESSAGE = 6000;

const shortened = (message: string): string =>
  message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
