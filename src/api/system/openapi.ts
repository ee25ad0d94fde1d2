import { openApiOf } from '../openapi.ts';
import { defineOperation, type Operation } from '../operation.ts';

/** The operation that gives the OpenAPI document: of these operations, and of itself. */
export function documentOf(operations: readonly Operation[]): Operation {
  const operation = defineOperation({
    id: 'getOpenApi',
    tag: 'Server',
    summary: 'This document',
    method: 'get',
    path: '/openapi.json',
    role: 'viewer',
    response: { type: 'object', required: ['openapi', 'paths'] },
    handle: () => document,
  });
  const document = openApiOf([...operations, operation]);
  return operation;
}
