import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorAnswer } from '../../src/api/errors.ts';
import { canonicalStatuses, errorKinds, SluiceError } from '../../src/errors.ts';

test('bad parameters are told as Dataflow tells them, each of them in the message', () => {
  const violations = [
    { subject: 'outputTable', message: 'must be PROJECT:DATASET.TABLE' },
    { subject: 'inputTopic', message: 'is required' },
  ];
  const { http, body } = errorAnswer(new SluiceError('PARAMETERS_INVALID', 'short', { violations }));
  const message =
    'The template parameters are invalid. Details: \noutputTable: must be PROJECT:DATASET.TABLE\ninputTopic: is required';
  assert.equal(http, 400);
  assert.deepEqual(body, {
    error: {
      code: 400,
      message,
      status: 'INVALID_ARGUMENT',
      errors: [{ domain: 'global', reason: 'badRequest', message }],
      details: [
        {
          '@type': 'type.googleapis.com/google.dataflow.v1beta3.InvalidTemplateParameters',
          parameterViolations: [
            { parameter: 'outputTable', description: 'must be PROJECT:DATASET.TABLE' },
            { parameter: 'inputTopic', description: 'is required' },
          ],
        },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [
            { field: 'outputTable', description: 'must be PROJECT:DATASET.TABLE' },
            { field: 'inputTopic', description: 'is required' },
          ],
        },
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'PARAMETERS_INVALID',
          domain: 'sluice',
          metadata: { message: 'short' },
        },
      ],
    },
  });
});

test('what was not foreseen is told by the id of the request only', () => {
  const { http, body } = errorAnswer(new TypeError('/secret/path: cannot read x of undefined'), 'r-1');
  assert.equal(http, 500);
  assert.equal(body.error.status, 'INTERNAL');
  assert.match(body.error.message, /request r-1/);
  assert.equal(JSON.stringify(body).includes('secret'), false);
  assert.deepEqual(body.error.details.at(-1), {
    '@type': 'type.googleapis.com/google.rpc.RequestInfo',
    requestId: 'r-1',
  });
});

test('a full disk is no fault of the code', () => {
  const error = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const { http, body } = errorAnswer(error);
  assert.deepEqual(
    [http, body.error.status, body.error.details[0]?.reason],
    [503, 'UNAVAILABLE', 'DISK_FULL'],
  );
});

const expected: [http: number, status: string, codes: string[]][] = [
  [
    400,
    'INVALID_ARGUMENT',
    ['PARAMETERS_INVALID', 'REQUEST_INVALID', 'PIPELINE_INVALID', 'TEMPLATE_INVALID'],
  ],
  [400, 'FAILED_PRECONDITION', ['JOB_ENDED', 'JOB_NOT_DRAINABLE', 'UPDATE_REFUSED', 'REPLAY_REFUSED']],
  [401, 'UNAUTHENTICATED', ['UNAUTHENTICATED']],
  [403, 'PERMISSION_DENIED', ['PERMISSION_DENIED', 'PATH_FORBIDDEN']],
  [404, 'NOT_FOUND', ['JOB_NOT_FOUND', 'TEMPLATE_NOT_FOUND', 'ROUTE_NOT_FOUND']],
  [409, 'ALREADY_EXISTS', ['JOB_NAME_TAKEN']],
  [429, 'RESOURCE_EXHAUSTED', ['TOO_MANY_REQUESTS']],
  [501, 'UNIMPLEMENTED', ['NOT_IMPLEMENTED']],
  [503, 'UNAVAILABLE', ['NOT_READY', 'SERVICE_UNREACHABLE']],
  [504, 'DEADLINE_EXCEEDED', ['TASK_TIMEOUT']],
];

test('each code has the status that clients of Google’s APIs expect', () => {
  for (const [http, status, codes] of expected)
    for (const code of codes as (keyof typeof errorKinds)[]) {
      const answer = errorAnswer(new SluiceError(code, 'message'));
      assert.deepEqual([answer.http, answer.body.error.status], [http, status], code);
    }
});

test('no mistake of a user is a fault of the server', () => {
  for (const [code, { exit, http, status }] of Object.entries(errorKinds)) {
    if (exit === 2) assert.ok(http < 500, `${code}: ${http}`);
    assert.ok(status in canonicalStatuses, code);
  }
});
