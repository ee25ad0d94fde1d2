import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, batchOf } from '../../src/engine/batch.ts';
import type { Json, StageContext, Transform, Windowing } from '../../src/engine/component.ts';
import { END_OF_TIME } from '../../src/engine/time.ts';
import { join } from '../../src/transforms/join.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { openTransform } from './open.ts';

const row = { form: 'row' } as const;
const inputs = (...names: string[]): Pick<StageContext, 'input' | 'inputs'> => ({
  input: row,
  inputs: names.map(name => ({ name, type: row })),
});

async function closing(transform: Transform, watermark: number): Promise<string[]> {
  const closed = await transform.advance?.(watermark);
  assert.ok(closed && Symbol.asyncIterator in closed);
  const batches: Batch[] = [];
  for await (const { good } of closed) batches.push(...good);
  return batches.flatMap(textsOf);
}

const at = (seconds: number, ...payloads: string[]): Batch =>
  batchOf(payloads, { times: Float64Array.from(payloads, () => seconds * 1000) });

test('a window is joined once, when its allowed lateness has passed, with what came late', async t => {
  const windowing: Windowing = { type: 'fixed', sizeMs: 60_000, offsetMs: 0, latenessMs: 30_000 };
  const jobDirectory = await temporaryFolder(t);
  const config = { equalities: 'id', type: 'inner' };
  const transform = await openTransform(t, join, config, { ...inputs('a', 'b'), windowing, jobDirectory });
  assert.deepEqual(await transform.process(at(1, '{"id":1,"a":2}'), 0), { good: [], merged: 1 });
  assert.deepEqual(await closing(transform, 60_000), []);
  await transform.process(at(2, '{"id":1,"b":3}'), 1);
  assert.deepEqual(await closing(transform, 90_000), ['{"id":1,"a":2,"id0":1,"b":3}']);
  assert.deepEqual(await transform.process(at(3, '{"id":1,"b":4}'), 1), {
    good: [],
    merged: 0,
    late: 1,
    filtered: 1,
  });
  assert.deepEqual(await closing(transform, END_OF_TIME), []);
});

test('rows and the fields they have are there again after a restart', async t => {
  const jobDirectory = await temporaryFolder(t);
  const context = { ...inputs('a', 'b', 'c'), jobDirectory, windowing: { type: 'global' } as const };
  const config = {
    equalities: [
      { a: 'x', b: 'x' },
      { b: 'y', c: 'y' },
    ],
    type: 'left',
  };
  const first = await openTransform(t, join, config, context);
  await first.process(batchOf(['{"x":1}', '{"x":9}']), 0);
  await first.process(batchOf(['{"x":1,"y":2}']), 1);
  const restored: Json = JSON.parse(JSON.stringify(await first.snapshot?.()));
  const second = await openTransform(t, join, config, { ...context, restored });
  await second.process(batchOf(['{"y":2,"z":9007199254740993}']), 2);
  assert.deepEqual((await closing(second, END_OF_TIME)).sort(), [
    '{"x":1,"x0":1,"y":2,"y0":2,"z":9007199254740993}',
    '{"x":9,"x0":null,"y":null,"y0":null,"z":null}',
  ]);
});

test('a join in sliding windows gives a pair in each window both are in', async t => {
  const jobDirectory = await temporaryFolder(t);
  const windowing: Windowing = { type: 'sliding', sizeMs: 60_000, periodMs: 30_000, offsetMs: 0 };
  const config = { equalities: 'id', type: 'inner', fields: { a: ['a'], b: ['b'] } };
  const transform = await openTransform(t, join, config, { ...inputs('a', 'b'), windowing, jobDirectory });
  await transform.process(at(40, '{"id":1,"a":2}'), 0);
  await transform.process(at(80, '{"id":1,"b":3}'), 1);
  assert.deepEqual(await closing(transform, END_OF_TIME), ['{"a":2,"b":3}']);
});

test('within sessions more than two inputs are refused', async t => {
  const context = { ...inputs('a', 'b', 'c'), windowing: { type: 'sessions', gapMs: 1 } as const };
  await assert.rejects(openTransform(t, join, { equalities: 'id', type: 'inner' }, context), {
    code: 'PIPELINE_INVALID',
    message: 'Stage: within sessions two inputs can be joined, not more',
  });
});
