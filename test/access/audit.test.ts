import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, auditEntries } from '../../src/access/audit.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('who did what is told the latest first, page by page, by subject and by name', async t => {
  const store = openStore({ home: await temporaryFolder(t) });
  t.after(() => store.close());
  for (let i = 0; i < 5; i++)
    audit({ store }, { name: i % 2 ? 'ann' : 'bob' }, 'job.launch', `job-${i}`, { template: 'Word_Count' });
  audit({ store }, { name: 'ann' }, 'job.stop', 'job-0');

  const first = auditEntries({ store }, {}, 4);
  assert.deepEqual(
    first.items.map(({ who, action, subject }) => [who, action, subject]),
    [
      ['ann', 'job.stop', 'job-0'],
      ['bob', 'job.launch', 'job-4'],
      ['ann', 'job.launch', 'job-3'],
      ['bob', 'job.launch', 'job-2'],
    ],
  );
  assert.deepEqual(first.items[1]?.details, { template: 'Word_Count' });
  const rest = auditEntries({ store }, { beforeId: Number(first.nextPageToken) }, 4);
  assert.deepEqual(
    rest.items.map(({ subject }) => subject),
    ['job-1', 'job-0'],
  );
  assert.equal(rest.nextPageToken, undefined);
  const subjects = (filter: object) => auditEntries({ store }, filter, 9).items.map(({ subject }) => subject);
  assert.deepEqual(subjects({ subject: 'job-0' }), ['job-0', 'job-0']);
  assert.deepEqual(subjects({ who: 'ann' }), ['job-0', 'job-3', 'job-1']);
  assert.deepEqual(subjects({ who: 'ann', subject: 'job-1' }), ['job-1']);
  assert.deepEqual(subjects({ who: "' OR 1=1 --" }), []);
});
