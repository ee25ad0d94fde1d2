/** What the service answers instead of a result: a gRPC status and one sentence. */
import { status } from '@grpc/grpc-js';

export class Refusal extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

export const invalid = (message: string): Refusal => new Refusal(status.INVALID_ARGUMENT, message);
export const notFound = (name: string): Refusal =>
  new Refusal(status.NOT_FOUND, `Resource not found: ${name}`);
export const alreadyExists = (name: string): Refusal =>
  new Refusal(status.ALREADY_EXISTS, `Resource already exists: ${name}`);
export const unimplemented = (what: string): Refusal =>
  new Refusal(status.UNIMPLEMENTED, `${what} is not part of the embedded Pub/Sub`);
