import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RETRY_DELAYS_MS, retryDelayMs, retrying, verdictOf } from '../../../src/cloud/objects/retry.ts';
import { SluiceError } from '../../../src/errors.ts';

const named = (more: object, message = 'x'): Error => Object.assign(new Error(message), more);

const answers: [what: string, error: unknown, verdict: string][] = [
  ['Google: too many requests', named({ code: 429 }), 'retry'],
  ['Google: unavailable', named({ code: 503 }), 'retry'],
  ['Google: unauthorized', named({ code: 401 }), 'denied'],
  ['Google: forbidden', named({ code: 403 }), 'denied'],
  ['Google: not found', named({ code: 404 }), 'final'],
  ['Google: a bad request', named({ code: 400 }), 'final'],
  ['Google: a precondition, as a plain object', { code: 412, message: 'Precondition failed' }, 'changed'],
  ['Google: what the client gave up', named({}, 'Retry limit exceeded - status: 500'), 'retry'],
  ['Google: no key', named({}, 'Could not load the default credentials.'), 'denied'],
  ['Google: a key that is void', named({ code: 'x' }, 'invalid_grant: Invalid JWT'), 'denied'],
  ['Amazon: slow down', named({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } }), 'retry'],
  [
    'Amazon: another version',
    named({ name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } }),
    'changed',
  ],
  ['Amazon: a range that is not there', named({ $metadata: { httpStatusCode: 416 } }), 'changed'],
  ['Amazon: forbidden', named({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } }), 'denied'],
  ['Amazon: nobody', named({ name: 'CredentialsProviderError' }), 'denied'],
  ['Amazon: a time-out', named({ name: 'TimeoutError' }), 'retry'],
  ['not implemented', named({ code: 501 }), 'final'],
  ['nobody listens', named({ code: 'ECONNREFUSED' }), 'retry'],
  ['the connection broke', named({ code: 'ECONNRESET' }), 'retry'],
  ['the name is not known', named({ code: 'ENOTFOUND' }), 'retry'],
  ['the body broke off', named({ code: 'ERR_STREAM_PREMATURE_CLOSE' }, 'Premature close'), 'retry'],
  ['the socket hung up', named({}, 'socket hang up'), 'retry'],
  ['a full disk of ours', named({ code: 'ENOSPC' }), 'final'],
  ['a file of ours that is gone', named({ code: 'ENOENT' }), 'final'],
  ['an error of ours', new SluiceError('INPUT_NOT_FOUND', 'x'), 'final'],
  ['anything else', new TypeError('x is not a function'), 'final'],
  ['no error at all', undefined, 'final'],
];

for (const [what, error, verdict] of answers)
  test(`${what}: ${verdict}`, () => assert.equal(verdictOf(error), verdict));

test('what is tried again is tried for about a minute', () => {
  const sum = RETRY_DELAYS_MS.reduce((all, each) => all + each, 0);
  assert.ok(sum > 45_000 && sum < 90_000, String(sum));
  for (const [attempt, delay] of RETRY_DELAYS_MS.entries()) {
    const spread = retryDelayMs(attempt) ?? 0;
    assert.ok(spread >= delay * 0.75 && spread <= delay * 1.25);
  }
  assert.equal(retryDelayMs(RETRY_DELAYS_MS.length), undefined);
});

test('work is tried until it succeeds, it is final, or there are no more attempts', async () => {
  let calls = 0;
  const failing = (times: number, error: Error) => async () => {
    if (++calls <= times) throw error;
    return calls;
  };
  assert.equal(await retrying(failing(2, named({ code: 503 }))), 3);
  calls = 0;
  await assert.rejects(retrying(failing(2, named({ code: 403 }))), { code: 403 });
  assert.equal(calls, 1);
  calls = 0;
  await assert.rejects(retrying(failing(9, named({ code: 503 })), { attempts: 3 }), { code: 503 });
  assert.equal(calls, 3);
});
