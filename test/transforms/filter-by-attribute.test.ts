import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, type Metadata } from '../../src/engine/batch.ts';
import { filterByAttribute } from '../../src/transforms/filter-by-attribute.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

const region = (value: string): Metadata => ({ attributes: { region: value } });

test('FilterByAttribute keeps what matches as a whole, and counts the rest', async t => {
  const { process } = await openTransform(t, filterByAttribute, { key: 'region', pattern: 'eu-.*' });
  const metadata = [region('eu-1'), region('us-1'), region('x-eu-1'), {}, { attributes: { other: 'eu-1' } }];
  const { good, filtered, failed } = await process(batchOf(['a', 'b', 'c', 'd', 'e'], { metadata }));
  assert.deepEqual(good.flatMap(textsOf), ['a']);
  assert.deepEqual(good[0]?.metadata, [region('eu-1')]);
  assert.equal(filtered, 4);
  assert.equal(failed, undefined);
});

test('FilterByAttribute passes a batch that matches whole as it is', async t => {
  const { process } = await openTransform(t, filterByAttribute, { key: 'region', pattern: 'e.' });
  const batch = batchOf(['a'], { metadata: [region('eu')] });
  assert.deepEqual(await process(batch), { good: [batch] });
});

test('FilterByAttribute filters all of what has no attributes', async t => {
  const { process } = await openTransform(t, filterByAttribute, { key: 'toString', pattern: '.*' });
  assert.deepEqual(await process(batchOf(['a', 'b'])), { good: [], filtered: 2 });
  assert.deepEqual(await process(batchOf(['a'], { metadata: [region('eu')] })), { good: [], filtered: 1 });
});

test('FilterByAttribute refuses a pattern that RE2 does not know', async t => {
  await assert.rejects(openTransform(t, filterByAttribute, { key: 'a', pattern: '(?=x)' }), {
    code: 'PIPELINE_INVALID',
    message: /^Stage: the pattern \(\?=x\) is not valid: /,
  });
});

test('FilterByAttribute takes no longer for a pattern that explodes elsewhere', async t => {
  const { process } = await openTransform(t, filterByAttribute, { key: 'region', pattern: '(a+)+b' });
  const started = performance.now();
  const { filtered } = await process(batchOf(['x'], { metadata: [region('a'.repeat(5000))] }));
  assert.equal(filtered, 1);
  assert.ok(performance.now() - started < 2000);
});
