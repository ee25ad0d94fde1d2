import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Batch, batchOf } from '../../src/engine/batch.ts';
import type { Outcome, StageContext, Transform } from '../../src/engine/component.ts';
import { type Row, rowBatch } from '../../src/formats/rows.ts';
import { sql } from '../../src/transforms/sql.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const row = { form: 'row' } as const;
const one = { input: row, inputs: [{ type: row }] };

async function openSql(folder: string, query: string, more: Partial<StageContext> = {}): Promise<Transform> {
  if (sql.kind !== 'transform') throw new Error();
  return sql.open({ query }, contextOf(folder, { ...one, ...more }));
}

async function outcomesOf(transform: Transform, watermark: number): Promise<Batch[]> {
  const outcomes: Outcome[] = [];
  const given = transform.advance?.(watermark);
  assert.ok(given && Symbol.asyncIterator in given);
  for await (const outcome of given) outcomes.push(outcome);
  for (const { good, created } of outcomes) assert.equal(created, good[0]?.count);
  return outcomes.flatMap(({ good }) => good);
}

const END = Number.POSITIVE_INFINITY;

async function resultOf(transform: Transform, watermark = END): Promise<string[]> {
  return (await outcomesOf(transform, watermark)).flatMap(textsOf);
}

const queries: [what: string, rows: Row[], query: string, result: string[]][] = [
  [
    'exact sums of long integers',
    [{ a: 9_007_199_254_740_993n }, { a: 1 }],
    'SELECT sum(a) AS s FROM PCOLLECTION',
    ['{"s":9007199254740994}'],
  ],
  [
    'text that looks like a date stays text',
    [{ a: '2026-11-20' }],
    "SELECT a || '!' AS a FROM pcollection",
    ['{"a":"2026-11-20!"}'],
  ],
  [
    'a field with numbers and text is text',
    [{ a: 1 }, { a: 'x' }],
    'SELECT a FROM PCOLLECTION ORDER BY a',
    ['{"a":"1"}', '{"a":"x"}'],
  ],
  [
    'a field that comes later is null before',
    [{ a: 1 }, { a: 2, b: true }],
    'SELECT b FROM PCOLLECTION ORDER BY a',
    ['{"b":null}', '{"b":true}'],
  ],
  [
    'objects and lists',
    [{ o: { x: [1, 2] } }],
    'SELECT o.x[2] AS last, unnest(o.x) AS each FROM PCOLLECTION',
    ['{"last":2,"each":1}', '{"last":2,"each":2}'],
  ],
  [
    'names of any kind',
    [{ 'a "b\' c': 1, __proto__x: 2 }],
    `SELECT "a ""b' c" + __proto__x AS n FROM PCOLLECTION`,
    ['{"n":3}'],
  ],
  [
    'functions of windows, common tables, and a comment at the end',
    [{ a: 2 }, { a: 1 }],
    'WITH x AS (SELECT a, row_number() OVER (ORDER BY a) AS n FROM PCOLLECTION) SELECT n FROM x ORDER BY n -- done',
    ['{"n":1}', '{"n":2}'],
  ],
];

for (const [what, rows, query, result] of queries) {
  test(`Sql: ${what}`, async t => {
    const transform = await openSql(await temporaryFolder(t), query);
    assert.deepEqual(await transform.process(rowBatch(rows)), {
      good: [],
      merged: rows.length,
      filtered: 0,
      late: 0,
    });
    assert.deepEqual(await resultOf(transform), result);
  });
}

const minutes = { type: 'fixed', sizeMs: 60_000, offsetMs: 0, latenessMs: 30_000 } as const;
const at = (rows: Row[], ...seconds: number[]) =>
  rowBatch(rows, { times: Float64Array.from(seconds, s => s * 1000) });

test('each window is queried when it is over and its lateness has passed; later rows are filtered', async t => {
  const transform = await openSql(await temporaryFolder(t), 'SELECT sum(n) AS s FROM PCOLLECTION', {
    windowing: minutes,
  });
  await transform.process(at([{ n: 1 }, { n: 2 }, { n: 4 }], 1, 61, 59));
  assert.deepEqual(await resultOf(transform, 89_999), []);
  await transform.process(at([{ n: 8 }], 2));
  const [batch] = await outcomesOf(transform, 90_000);
  assert.ok(batch);
  assert.deepEqual(textsOf(batch), ['{"s":13}']);
  assert.deepEqual([...(batch.times ?? [])], [59_999]);
  assert.deepEqual(await transform.process(at([{ n: 16 }, { n: 32 }], 3, 62)), {
    good: [],
    merged: 1,
    filtered: 1,
    late: 1,
  });
  assert.deepEqual(await resultOf(transform), ['{"s":34}']);
});

test('in sliding windows a row counts in each, and results tell their window', async t => {
  const windowing = { type: 'sliding', sizeMs: 60_000, periodMs: 30_000, offsetMs: 0 } as const;
  const transform = await openSql(await temporaryFolder(t), 'SELECT count(*) AS n FROM PCOLLECTION', {
    windowing,
  });
  await transform.process(at([{ n: 1 }], 40));
  const batches = await outcomesOf(transform, END);
  assert.deepEqual(
    batches.map(({ windows }) => [...(windows ?? [])]),
    [
      [0, 60_000],
      [30_000, 90_000],
    ],
  );
});

test('several inputs are tables by their names; one without any rows yet gives nothing but a warning', async t => {
  const reports: string[] = [];
  const inputs = [
    { name: 'orders', type: row },
    { name: 'users', type: { form: 'text', field: 'user' } as const },
  ];
  const open = async (home: string) =>
    openSql(home, 'SELECT id, user FROM Orders JOIN users USING (user)', {
      inputs,
      report: (_, text) => void reports.push(text),
    });
  const transform = await open(await temporaryFolder(t));
  await transform.process(
    rowBatch([
      { id: 1, user: 'ada' },
      { id: 2, user: 'bob' },
    ]),
    0,
  );
  await transform.process(batchOf(['bob']), 1);
  assert.deepEqual(await resultOf(transform), ['{"id":2,"user":"bob"}']);
  const empty = await open(await temporaryFolder(t));
  await empty.process(rowBatch([{ id: 1, user: 'ada' }]), 0);
  assert.deepEqual(await resultOf(empty), []);
  assert.match(reports.join(), /users has had no rows, so nothing is known of its columns/);
});

test('a restart goes on from the checkpoint: what came after it is taken back, what was given is given again', async (t: TestContext) => {
  const folder = await temporaryFolder(t);
  const query = 'SELECT count(*) AS n, sum(v) AS s FROM PCOLLECTION';
  const transform = await openSql(folder, query, { windowing: minutes });
  await transform.process(at([{ v: 1 }, { v: 10 }], 1, 61));
  const restored = JSON.parse(JSON.stringify(await transform.snapshot?.()));
  await transform.commit?.();
  await transform.process(at([{ v: 100 }], 2));
  assert.deepEqual(await resultOf(transform, 90_000), ['{"n":2,"s":101}']);
  const again = await openSql(folder, query, { windowing: minutes, restored });
  await again.process(at([{ v: 1000 }], 2));
  assert.deepEqual(await resultOf(again, 90_000), ['{"n":2,"s":1001}']);
  const later = JSON.parse(JSON.stringify(await again.snapshot?.()));
  await again.commit?.();
  const third = await openSql(folder, query, { windowing: minutes, restored: later });
  assert.deepEqual(await third.process(at([{ v: 1 }], 3)), { good: [], merged: 0, filtered: 1, late: 1 });
  assert.deepEqual(await resultOf(third), ['{"n":1,"s":10}']);
});

const refusals: [query: string, message: RegExp, more?: Partial<StageContext>][] = [
  ['DROP TABLE PCOLLECTION', /only a SELECT can be run/],
  ['SELECT * FROM other', /the query reads other, and there is PCOLLECTION/],
  ["SELECT * FROM 'file.csv'", /the query reads file.csv/],
  ['SELECT 1', /make sessions/, { windowing: { type: 'sessions', gapMs: 1000 } }],
  ['SELECT 1', /run the job with one worker/, { worker: { index: 0, count: 2 } }],
];

for (const [query, message, more] of refusals) {
  test(`Sql refuses ${query} ${more ? Object.keys(more) : ''}`, async t => {
    await assert.rejects(openSql(await temporaryFolder(t), query, more), message);
  });
}

test('a query reaches no file, whatever function it calls', async t => {
  const transform = await openSql(
    await temporaryFolder(t),
    "SELECT * FROM read_text('/etc/passwd'), PCOLLECTION",
  );
  await transform.process(rowBatch([{ a: 1 }]));
  await assert.rejects(resultOf(transform), { code: 'QUERY_INVALID' });
});
