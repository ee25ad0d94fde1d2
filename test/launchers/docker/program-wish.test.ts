import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyReport } from '../../../src/launchers/docker/program-report.ts';
import { endOfProgram } from '../../../src/launchers/docker/program-wish.ts';
import type { WorkerEnd } from '../../../src/launchers/launcher.ts';
import type { WorkerWish } from '../../../src/worker/protocol.ts';

const good: WorkerEnd = { how: 'ended with status 0', status: 0, lastWords: '' };
const bad: WorkerEnd = { how: 'ended with status 3', status: 3, lastWords: 'no such file' };
const asked: WorkerEnd = { how: 'was killed by SIGTERM', status: 143, lastWords: '' };
const killed: WorkerEnd = { how: 'was killed by SIGKILL', status: 137, lastWords: '' };
const memory: WorkerEnd = {
  ...killed,
  failure: { code: 'MEMORY_LIMIT', message: 'worker 0 was killed: memory limit 32 MiB' },
};

const ends: [end: WorkerEnd, wish: WorkerWish | undefined, failure: string | undefined, is: string][] = [
  [good, undefined, undefined, 'DONE'],
  [good, 'drain', undefined, 'DRAINED'],
  [good, 'cancel', undefined, 'CANCELLED'],
  [killed, 'cancel', undefined, 'CANCELLED'],
  [asked, 'cancel', undefined, 'CANCELLED'],
  [bad, 'drain', undefined, 'PROGRAM_FAILED: the program ended with status 3: no such file'],
  [bad, undefined, undefined, 'PROGRAM_FAILED: the program ended with status 3: no such file'],
  [asked, undefined, undefined, 'PROGRAM_FAILED: the program was killed by SIGTERM'],
  [
    asked,
    'drain',
    undefined,
    'PROGRAM_FAILED: the program was ended by SIGTERM, by which it was asked to drain',
  ],
  [good, undefined, 'NO: why', 'PROGRAM_FAILED: the program failed: NO: why'],
  [bad, undefined, 'NO: why', 'PROGRAM_FAILED: the program failed: NO: why'],
  [memory, undefined, undefined, 'MEMORY_LIMIT: worker 0 was killed: memory limit 32 MiB'],
];

test('the exit status of a program decides, unless it says that it failed', () => {
  for (const [end, wish, failure, expected] of ends) {
    const event = endOfProgram(end, { ...emptyReport(), ...(failure && { failure }) }, wish);
    const is = event.type === 'ended' ? event.state : `${event.code}: ${event.message}`;
    assert.ok(is.startsWith(expected), `${end.how}, ${wish}, ${failure}: ${is}`);
  }
});
