import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { retryDelayMs, retrying, verdictOf, verdicts } from '../../../src/connectors/pubsub/retry.ts';

const grpcError = (code: number) => Object.assign(new Error('refused'), { code });

test('has a verdict for every status of gRPC but OK', () => {
  const codes = Object.entries(status).filter(([, code]) => typeof code === 'number' && code !== 0);
  for (const [name, code] of codes) assert.equal(verdicts[Number(code)]?.name, name);
});

test('tries again what may pass, and nothing else', () => {
  const retried = Object.keys(verdicts).filter(code => verdictOf(grpcError(Number(code))) === 'retry');
  assert.deepEqual(
    retried.map(code => status[Number(code)]),
    ['CANCELLED', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'ABORTED', 'INTERNAL', 'UNAVAILABLE'],
  );
  assert.equal(verdictOf(new Error('no status')), 'final');
});

test('waits longer each time, about a minute in all', () => {
  let total = 0;
  let attempt = 0;
  for (; ; attempt++) {
    const delayMs = retryDelayMs(attempt);
    if (delayMs === undefined) break;
    total += delayMs;
  }
  assert.equal(attempt, 10);
  assert.ok(total > 45_000 && total < 80_000, String(total));
});

test('gives what succeeds after failures, and prepares each new attempt', async () => {
  let left = 2;
  let prepared = 0;
  const result = await retrying(
    async () => {
      if (left-- > 0) throw grpcError(status.UNAVAILABLE);
      return 'done';
    },
    async () => {
      prepared++;
    },
  );
  assert.equal(result, 'done');
  assert.equal(prepared, 2);
});

test('gives up at once on what is final and when it is told to stop', async () => {
  let calls = 0;
  const failing = (code: number) => async () => {
    calls++;
    throw grpcError(code);
  };
  const nothing = async () => {};
  await assert.rejects(retrying(failing(status.NOT_FOUND), nothing), { code: status.NOT_FOUND });
  await assert.rejects(retrying(failing(status.UNAVAILABLE), nothing, { signal: AbortSignal.abort() }), {
    code: status.UNAVAILABLE,
  });
  assert.equal(calls, 2);
});
