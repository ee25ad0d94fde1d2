import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type JobFilter, listingQuery } from '../../src/store/listing.ts';
import type { JobRecord } from '../../src/store/record.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { aRecord } from './a-record.ts';

async function storeIn(t: TestContext) {
  const store = openStore({ home: await temporaryFolder(t) });
  t.after(() => store.close());
  return store;
}

type Store = Awaited<ReturnType<typeof storeIn>>;

const at = (second: number): string => new Date(Date.UTC(2026, 10, 20) + second * 1000).toISOString();

/** Takes in this many jobs; of three of them one goes on, the others have ended. */
function fill({ jobs, transaction }: Store, count: number): JobRecord[] {
  const records = Array.from({ length: count }, (_, i) =>
    aRecord({
      createTime: at(i),
      name: i % 3 === 0 ? `active-${i}` : `job-${i % 7}`,
      projectId: i % 2 === 0 ? 'even' : 'odd',
      location: i % 5 === 0 ? 'europe-west1' : 'us-central1',
    }),
  );
  transaction(() => {
    for (const [i, record] of records.entries()) {
      jobs.insert(record);
      if (i % 3 > 0) jobs.move(record.id, 'CANCELLED');
    }
  });
  return records;
}

function pagesOf({ jobs }: Store, filter: JobFilter, pageSize: number, between = () => {}): JobRecord[][] {
  const pages: JobRecord[][] = [];
  let token: string | undefined;
  do {
    const { items, nextPageToken } = jobs.list(filter, pageSize, token);
    pages.push(items);
    token = nextPageToken;
    between();
  } while (token !== undefined);
  return pages;
}

test('jobs are listed with the active ones first, each kind from the newest on, every one once', async t => {
  const store = await storeIn(t);
  const records = fill(store, 100);
  for (const pageSize of [1, 7, 33, 34, 35, 99, 100, 1000]) {
    const pages = pagesOf(store, {}, pageSize);
    const listed = pages.flat();
    assert.ok(pages.slice(0, -1).every(page => page.length === pageSize));
    assert.ok((pages.at(-1)?.length ?? 0) > 0);
    assert.equal(new Set(listed.map(({ id }) => id)).size, 100);
    assert.ok(listed.slice(0, 34).every(({ state }) => state === 'QUEUED'));
    assert.ok(listed.slice(34).every(({ state }) => state === 'CANCELLED'));
    assert.deepEqual(
      listed.slice(0, 34).map(({ id }) => id),
      records
        .filter((_, i) => i % 3 === 0)
        .toReversed()
        .map(({ id }) => id),
    );
    const ends = listed.slice(34).map(({ endTime }) => endTime ?? '');
    assert.deepEqual(ends, ends.toSorted().reverse());
  }
});

test('filters leave out what they do not ask for, alone and together, also from page to page', async t => {
  const store = await storeIn(t);
  fill(store, 100);
  const all = pagesOf(store, {}, 1000).flat();
  const choices = {
    projectId: [undefined, 'even', 'odd', 'none'],
    location: [undefined, 'us-central1', 'europe-west1'],
    name: [undefined, 'active-0', 'job-5', 'none'],
    status: [undefined, 'active', 'ended'] as const,
  };
  for (const projectId of choices.projectId)
    for (const location of choices.location)
      for (const name of choices.name)
        for (const status of choices.status) {
          const expected = all.filter(
            job =>
              (projectId === undefined || job.projectId === projectId) &&
              (location === undefined || job.location === location) &&
              (name === undefined || job.name === name) &&
              (status === undefined || (status === 'ended') === (job.state === 'CANCELLED')),
          );
          const listed = pagesOf(store, { projectId, location, name, status }, 4).flat();
          assert.deepEqual(listed, expected);
        }
});

test('jobs that end or are launched between two pages make nobody be left out', async t => {
  const store = await storeIn(t);
  const records = fill(store, 60);
  const active = records.filter((_, i) => i % 3 === 0);
  // From both sides: those that were listed, and those that are still to come.
  const listed = pagesOf(store, {}, 5, () => {
    for (const record of [active.pop(), active.shift()]) if (record) store.jobs.move(record.id, 'CANCELLED');
    store.jobs.insert(aRecord({ createTime: new Date().toISOString() }));
  }).flat();
  const seen = new Set(listed.map(({ id }) => id));
  assert.deepEqual(
    records.filter(({ id }) => !seen.has(id)),
    [],
  );
});

test('a token that no page has given is refused', async t => {
  const { jobs } = await storeIn(t);
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const garbage = [
    'x',
    '%%%',
    '{}',
    encode({}),
    encode(null),
    encode([]),
    encode([0, 'a']),
    encode([2, 'a', 'b']),
    encode([0, 1, 'b']),
    encode([0, 'a', 'b', 'c']),
    encode(['0', 'a', 'b']),
    'A'.repeat(10_000),
  ];
  for (const token of garbage)
    assert.throws(() => jobs.list({}, 10, token), {
      code: 'REQUEST_INVALID',
      message: 'pageToken: no page has given this token',
    });
  assert.deepEqual(jobs.list({}, 10, ''), { items: [] });
});

test('each page is a range of an index: nothing is read that is not listed, nothing is sorted', async t => {
  const { database } = await storeIn(t);
  const place: [string, string] = [at(5), 'job'];
  const cases: [JobFilter, RegExp][] = [
    [{}, /^SEARCH jobs USING INDEX jobs_order \(ended=\?/],
    [{ projectId: 'p' }, /^SEARCH jobs USING INDEX jobs_by_project \(project=\? AND ended=\?/],
    [
      { projectId: 'p', location: 'l' },
      /^SEARCH jobs USING INDEX jobs_by_location \(project=\? AND location=\? AND ended=\?/,
    ],
    [
      { projectId: 'p', name: 'n' },
      /^SEARCH jobs USING INDEX jobs_by_name \(project=\? AND name=\? AND ended=\?/,
    ],
    [
      { projectId: 'p', location: 'l', templateId: 't' },
      /^SEARCH jobs USING INDEX jobs_by_template \(<expr>=\? AND ended=\?/,
    ],
    [
      { projectId: 'p', location: 'l', name: 'n' },
      /^SEARCH jobs USING INDEX jobs_by_name \(project=\? AND name=\? AND ended=\?/,
    ],
  ];
  for (const [filter, expected] of cases)
    for (const after of [undefined, place]) {
      const [sql, values] = listingQuery(filter, 1, after);
      const plan = database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values, 10)
        .map(({ detail }) => String(detail));
      assert.equal(plan.length, 1, plan.join('; '));
      assert.match(plan[0] ?? '', expected);
      if (after) assert.match(plan[0] ?? '', /\(sorted_at,id\)<\(\?,\?\)/);
    }
});

test('among 10,000 jobs one is found, and a page from anywhere is listed, in milliseconds', async t => {
  const store = await storeIn(t);
  const records = fill(store, 10_000);
  const { jobs } = store;
  const middle = jobs.list({ status: 'ended' }, 5000).nextPageToken;
  const timed = (work: () => unknown): number => {
    const times = Array.from({ length: 15 }, () => {
      const started = performance.now();
      work();
      return performance.now() - started;
    });
    return times.sort((a, b) => a - b)[7] ?? 0;
  };
  const id = records[5000]?.id ?? '';
  const medians = {
    get: timed(() => jobs.require(id)),
    first: timed(() => jobs.list({}, 50)),
    middle: timed(() => jobs.list({}, 50, middle)),
    project: timed(() => jobs.list({ projectId: 'odd', location: 'us-central1' }, 50)),
    name: timed(() => jobs.list({ projectId: 'odd', name: 'job-5', status: 'ended' }, 50)),
    nothing: timed(() => jobs.list({ projectId: 'nobody' }, 50)),
  };
  // Some tenths of a millisecond on a quiet machine: a scan of all would take ten times the limit.
  for (const [what, ms] of Object.entries(medians)) assert.ok(ms < 5, `${what} took ${ms.toFixed(2)} ms`);
  t.diagnostic(JSON.stringify(medians));
});
