import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Batch, batchOf } from '../../src/engine/batch.ts';
import type { Json, Outcome, StageContext, Transform, Windowing } from '../../src/engine/component.ts';
import { END_OF_TIME } from '../../src/engine/time.ts';
import { combine } from '../../src/transforms/combine.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { openTransform } from './open.ts';

const config = { group_by: 'k', combine: { n: { value: 'k', fn: 'count' } }, language: 'generic' };
const minute: Windowing = { type: 'fixed', sizeMs: 60_000, offsetMs: 0 };
const rows = { input: { form: 'row' }, inputs: [{ type: { form: 'row' } }] } as const;

const at = (elements: [key: string, seconds: number][]): Batch =>
  batchOf(
    elements.map(([k]) => JSON.stringify({ k })),
    { times: Float64Array.from(elements, ([, seconds]) => seconds * 1000) },
  );

async function closing(transform: Transform, seconds: number): Promise<string[]> {
  const closed = await transform.advance?.(seconds * 1000);
  assert.ok(closed && Symbol.asyncIterator in closed);
  const texts: string[] = [];
  for await (const { good, created } of closed) {
    assert.equal(
      created,
      good.reduce((sum, { count }) => sum + count, 0),
    );
    texts.push(...good.flatMap(textsOf));
  }
  return texts;
}

const openIn = async (
  t: Parameters<typeof openTransform>[0],
  windowing: Windowing,
  more: Partial<StageContext> = {},
  settings: object = config,
) =>
  openTransform(t, combine, settings, {
    ...rows,
    jobDirectory: await temporaryFolder(t),
    windowing,
    ...more,
  });

test('a window gives its rows when the watermark passes its end, and takes nothing more', async t => {
  const transform = await openIn(t, minute);
  assert.deepEqual(
    await transform.process(
      at([
        ['a', 1],
        ['b', 61],
        ['a', 59],
      ]),
    ),
    { good: [], merged: 3 },
  );
  assert.deepEqual(await closing(transform, 59), []);
  assert.deepEqual(await closing(transform, 60), ['{"k":"a","n":2}']);
  const outcome = await transform.process(
    at([
      ['a', 30],
      ['b', 62],
    ]),
  );
  assert.deepEqual(outcome, { good: [], merged: 1, late: 1, filtered: 1 });
  assert.deepEqual(await closing(transform, END_OF_TIME), ['{"k":"b","n":2}']);
});

test('within the allowed lateness a late element gives its group anew, and no other', async t => {
  const transform = await openIn(t, { ...minute, latenessMs: 30_000 });
  await transform.process(
    at([
      ['a', 1],
      ['b', 2],
    ]),
  );
  assert.equal((await closing(transform, 60)).length, 2);
  await transform.process(at([['a', 3]]));
  assert.deepEqual(await closing(transform, 70), ['{"k":"a","n":2}']);
  assert.deepEqual(await closing(transform, 80), []);
  assert.deepEqual(await closing(transform, 90), []);
  assert.equal((await transform.process(at([['a', 3]]))).late, 1);
});

test('late rows go to the output that is named for them, with what came with them', async t => {
  const transform = await openIn(t, minute, {}, { ...config, late_output: 'errors' });
  await closing(transform, 60);
  const { named, late, filtered, merged }: Outcome = await transform.process(
    at([
      ['a', 30],
      ['b', 90],
    ]),
  );
  assert.deepEqual([late, filtered, merged], [1, undefined, 1]);
  const [batch] = named?.['.errors'] ?? [];
  assert.ok(batch);
  assert.deepEqual(textsOf(batch), ['{"k":"a"}']);
  assert.deepEqual([...(batch.times ?? [])], [30_000]);
});

test('an element of sliding windows is late when all of them have closed', async t => {
  const transform = await openIn(t, { type: 'sliding', sizeMs: 60_000, periodMs: 30_000, offsetMs: 0 });
  await closing(transform, 60);
  const outcome = await transform.process(
    at([
      ['a', 40],
      ['b', 10],
    ]),
  );
  assert.deepEqual([outcome.late, outcome.merged], [1, 1]);
  assert.deepEqual(await closing(transform, 90), ['{"k":"a","n":1}']);
});

test('a session that is silent for its gap is given, with its window', async t => {
  const transform = await openIn(t, { type: 'sessions', gapMs: 10_000 });
  await transform.process(
    at([
      ['a', 0],
      ['a', 9],
      ['b', 5],
      ['a', 19],
    ]),
  );
  assert.deepEqual(await closing(transform, 18), ['{"k":"b","n":1}']);
  const closed = await transform.advance?.(19_000);
  assert.ok(closed && Symbol.asyncIterator in closed);
  const batches: Batch[] = [];
  for await (const { good } of closed) batches.push(...good);
  assert.deepEqual(batches.flatMap(textsOf), ['{"k":"a","n":2}']);
  assert.deepEqual([...(batches[0]?.windows ?? [])], [0, 19_000]);
  assert.deepEqual([...(batches[0]?.times ?? [])], [18_999]);
});

test('elements without a time are one group to the end, in whatever windows', async t => {
  const transform = await openIn(t, minute);
  await transform.process(batchOf(['{"k":"a"}', '{"k":"a"}']));
  assert.deepEqual(await closing(transform, 1e9), []);
  assert.deepEqual(await closing(transform, END_OF_TIME), ['{"k":"a","n":2}']);
});

test('many groups come in many batches of a bounded size', async t => {
  const transform = await openIn(t, { type: 'global' });
  for (let i = 0; i < 10; i++)
    await transform.process(batchOf(Array.from({ length: 1000 }, (_, k) => `{"k":${i * 1000 + k}}`)));
  const closed = await transform.advance?.(END_OF_TIME);
  assert.ok(closed && Symbol.asyncIterator in closed);
  const counts: number[] = [];
  for await (const { good } of closed) counts.push(...good.map(({ count }) => count));
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    10_000,
  );
  assert.ok(Math.max(...counts) <= 2000);
});

test('what has been grouped is there again after a restart, and its files are gone in the end', async t => {
  const jobDirectory = await temporaryFolder(t);
  const windowing: Windowing = { ...minute, latenessMs: 60_000 };
  const first = await openTransform(t, combine, config, { ...rows, jobDirectory, windowing });
  await first.process(
    at([
      ['a', 1],
      ['b', 61],
    ]),
  );
  assert.deepEqual(await closing(first, 60), ['{"k":"a","n":1}']);
  await first.process(at([['a', 2]]));
  const restored: Json = JSON.parse(JSON.stringify(await first.snapshot?.()));
  await first.process(at([['a', 3]]));

  const second = await openTransform(t, combine, config, { ...rows, jobDirectory, windowing, restored });
  assert.equal((await second.process(at([['b', 62]]))).merged, 1);
  assert.deepEqual(await closing(second, 10), ['{"k":"a","n":2}'], 'time does not go back');
  assert.deepEqual(await closing(second, END_OF_TIME), ['{"k":"b","n":2}']);
  await second.snapshot?.();
  await second.commit?.();
  await second.close?.(true);
  assert.deepEqual(readdirSync(join(jobDirectory, 'stages')), []);
});

test('several workers cannot share a grouping', async t => {
  await assert.rejects(openIn(t, minute, { worker: { index: 0, count: 2 } }), {
    code: 'PARAMETERS_INVALID',
    message: 'Stage groups all there is, which 2 workers each see a part of: run the job with one worker',
  });
});

test('names like those of every object are keys and values like any other', async t => {
  const transform = await openIn(t, { type: 'global' }, {}, { ...config, group_by: ['constructor', 'k'] });
  await transform.process(batchOf(['{"k":"__proto__"}', '{"k":"__proto__","constructor":1}']));
  assert.deepEqual((await closing(transform, END_OF_TIME)).sort(), [
    '{"constructor":1,"k":"__proto__","n":1}',
    '{"constructor":null,"k":"__proto__","n":1}',
  ]);
});
