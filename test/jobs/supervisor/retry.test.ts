import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRefusal, isStartedAgain, MAX_RESTARTS, waitAfter } from '../../../src/jobs/supervisor/retry.ts';

const batch = { streaming: false, hasCheckpoint: true };
const stream = { streaming: true, hasCheckpoint: true };
const newStream = { streaming: true, hasCheckpoint: false };

test('which failures are tried again, and how often', () => {
  const cases: [code: string, job: typeof batch, failures: number, expected: boolean][] = [
    ['WORKER_LOST', batch, MAX_RESTARTS, true],
    ['WORKER_LOST', batch, MAX_RESTARTS + 1, false],
    ['WORKER_LOST', stream, MAX_RESTARTS + 1, false],
    ['INTERNAL', stream, 1, true],
    // What is outside may come back: a stream that has run waits for it.
    ['SERVICE_UNREACHABLE', stream, 1000, true],
    ['SERVICE_UNREACHABLE', newStream, MAX_RESTARTS + 1, false],
    ['DISK_FULL', batch, MAX_RESTARTS, true],
    ['DISK_FULL', batch, MAX_RESTARTS + 1, false],
    ['WAREHOUSE_BUSY', stream, 1000, true],
    ['MEMORY_LIMIT', stream, MAX_RESTARTS + 1, false],
    // An engine that is started again has nothing against the job.
    ['ENGINE_UNREACHABLE', batch, 1000, true],
    ['ENGINE_UNREACHABLE', newStream, MAX_RESTARTS + 1, false],
    // It would end in the same way.
    ['IMAGE_INVALID', stream, 1, false],
    ['START_TIMEOUT', batch, 1, false],
    ['ELEMENT_FAILED', stream, 1, false],
    ['BOOKS_UNBALANCED', batch, 1, false],
    ['OUTPUT_UNWRITABLE', batch, 1, false],
    ['NO_SUCH_CODE', batch, 1, false],
  ];
  for (const [code, job, failures, expected] of cases)
    assert.equal(isStartedAgain(code, failures, job), expected, `${code} ${failures} ${JSON.stringify(job)}`);
});

test('each wait is twice as long as the one before, up to a minute', () => {
  const waits = [1, 2, 3, 6, 7, 8, 1000].map(failures => waitAfter(failures, 1000));
  assert.deepEqual(waits, [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
});

test('what is refused is told from what has failed', () => {
  assert.deepEqual(['INPUT_NOT_FOUND', 'WORKER_LOST', 'NO_SUCH_CODE'].map(isRefusal), [true, false, false]);
});
