import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyCounters } from '../../src/engine/counters.ts';
import { stageRates } from '../../src/service/history.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('rates are those of now: after a time away there are none until two samples tell them', async t => {
  const store = openStore({ home: await temporaryFolder(t) });
  t.after(() => store.close());
  const now = Date.now();
  const save = (agoMs: number, read: number) =>
    store.progress.save('a', {
      time: now - agoMs,
      counters: { Read: { ...emptyCounters(), out: read, in: 0 } },
    });
  assert.deepEqual(stageRates({ store }, 'a'), {});
  save(3_605_000, 0);
  save(3_600_000, 500);
  assert.deepEqual(stageRates({ store }, 'a'), {});
  // An hour later the server is back, and so is the job.
  save(5000, 500);
  assert.deepEqual(stageRates({ store }, 'a'), {});
  save(0, 1500);
  assert.deepEqual(stageRates({ store }, 'a'), { Read: { taken: 0, given: 200, failed: 0 } });
});
