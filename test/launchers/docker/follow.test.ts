import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processHint } from '../../../src/launchers/docker/follow.ts';

test('a limit of processes is only supposed, from the last that a program said', () => {
  const hint = ' (it may have met its limit of 64 processes: --pids)';
  for (const said of ['fork: Resource temporarily unavailable', 'Error: spawn node EAGAIN'])
    assert.equal(processHint(1, said, 64), hint, said);
  assert.equal(processHint(0, 'spawn node EAGAIN', 64), '');
  assert.equal(processHint(1, 'no such table', 64), '');
  assert.equal(processHint(1, `EAGAIN ${'later '.repeat(1000)}`, 64), '');
  assert.equal(processHint(1, 'EAGAIN'), '');
});
