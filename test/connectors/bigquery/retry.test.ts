import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayMs, retrying, verdictOf } from '../../../src/connectors/bigquery/retry.ts';

const http = (code: number, reason = '') => Object.assign(new Error(reason), { code, errors: [{ reason }] });
const grpc = (code: number) => Object.assign(new Error(`status ${code}`), { code });
const system = (code: string) => Object.assign(new Error(code), { code });

const cases: [name: string, error: Error, verdict: string][] = [
  ['a server that is too busy', http(503, 'backendError'), 'retry'],
  ['a fault of the server', http(500, 'internalError'), 'retry'],
  ['a rate that is exceeded', http(403, 'rateLimitExceeded'), 'retry'],
  ['a quota that is used up', http(403, 'quotaExceeded'), 'retry'],
  ['too many requests', http(429), 'retry'],
  ['a gateway without its server', http(502), 'retry'],
  ['access denied', http(403, 'accessDenied'), 'login'],
  ['no login', http(401), 'login'],
  ['no billing', http(403, 'billingNotEnabled'), 'login'],
  ['a table that is not there', http(404, 'notFound'), 'final'],
  ['a job of that id', http(409, 'duplicate'), 'final'],
  ['what makes no sense', http(400, 'invalid'), 'final'],
  ['no connection', system('ECONNREFUSED'), 'retry'],
  ['a connection that broke', system('ECONNRESET'), 'retry'],
  ['an answer that broke off', new Error('socket hang up'), 'retry'],
  ['UNAVAILABLE', grpc(14), 'retry'],
  ['RESOURCE_EXHAUSTED', grpc(8), 'retry'],
  ['ALREADY_EXISTS', grpc(6), 'final'],
  ['OUT_OF_RANGE', grpc(11), 'final'],
  ['INVALID_ARGUMENT', grpc(3), 'final'],
  ['PERMISSION_DENIED', grpc(7), 'login'],
  ['a fault of ours', new TypeError('x is not a function'), 'final'],
];

for (const [name, error, verdict] of cases)
  test(`${name}: ${verdict}`, () => assert.equal(verdictOf(error), verdict));

test('waits longer each time, up to ten seconds, and never all at once', () => {
  const waits = Array.from({ length: 20 }, (_, attempt) => delayMs(attempt));
  assert.ok((waits[0] ?? 0) <= 125 && (waits[5] ?? 0) > 2000);
  assert.ok(waits.every(wait => wait <= 12_500));
});

test('says by name that nobody answers, and that a login is refused', async () => {
  let calls = 0;
  const failing = (error: Error) => async () => {
    calls++;
    throw error;
  };
  await assert.rejects(retrying(failing(system('ECONNREFUSED')), 2), { code: 'SERVICE_UNREACHABLE' });
  assert.equal(calls, 3);
  await assert.rejects(retrying(failing(http(403, 'accessDenied')), 2), { code: 'AUTHENTICATION_FAILED' });
  await assert.rejects(retrying(failing(http(404, 'notFound')), 2), { code: 404 });
  assert.equal(calls, 5);
});
