import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sumGauges } from '../../src/engine/gauges.ts';

test('the gauges of workers add up; of latencies the longest counts', () => {
  assert.deepEqual(
    sumGauges([
      { busyMs: { Read: 5, Write: 1 }, latencyMs: 30, memoryBytes: 100, backlog: { elements: 4 } },
      { busyMs: { Read: 7 }, latencyMs: 80, memoryBytes: 50, backlog: { elements: 1, bytes: 9 } },
      { busyMs: {} },
    ]),
    { busyMs: { Read: 12, Write: 1 }, latencyMs: 80, memoryBytes: 150, backlog: { elements: 5, bytes: 9 } },
  );
  assert.deepEqual(sumGauges([{ busyMs: {} }]), { busyMs: {} });
});
