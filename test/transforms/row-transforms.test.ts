/** What all row transforms hold: the books balance, order and columns stay, nothing of the input changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, batchOf, payloadOf } from '../../src/engine/batch.ts';
import type { Component, Outcome } from '../../src/engine/component.ts';
import { assignTimestamps } from '../../src/transforms/assign-timestamps.ts';
import { explode } from '../../src/transforms/explode.ts';
import { extractWindowingInfo } from '../../src/transforms/extract-windowing-info.ts';
import { filter } from '../../src/transforms/filter.ts';
import { mapToFields } from '../../src/transforms/map-to-fields.ts';
import { partition } from '../../src/transforms/partition.ts';
import { validateWithSchema } from '../../src/transforms/validate-with-schema.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

const row = { form: 'row' } as const;
const generic = { language: 'generic' };
const javascript = { language: 'javascript' };

const transforms: [Component, object][] = [
  [mapToFields, { ...generic, append: false, fields: { id: 'id', big: 'n > 5' } }],
  [mapToFields, { ...generic, append: true, drop: ['l'], fields: { big: 'n > 5' } }],
  [mapToFields, { ...javascript, append: true, fields: { sum: 'n.toFixed(1)' } }],
  [filter, { ...generic, keep: 'n > 5' }],
  [filter, { ...javascript, keep: 'n.toFixed(0) > 5' }],
  [explode, { fields: 'l' }],
  [partition, { ...generic, by: 'k', outputs: ['a', 'b'] }],
  [partition, { ...javascript, by: 'k.toLowerCase()', outputs: ['a'], unknown_output: 'rest' }],
  [assignTimestamps, { ...generic, timestamp: 'n' }],
  [assignTimestamps, { ...javascript, timestamp: 'n.valueOf()' }],
  [extractWindowingInfo, { fields: ['window_string'] }],
  [validateWithSchema, { schema: { properties: { n: { type: 'number' }, k: { enum: ['a', 'b'] } } } }],
];

/** Rows of every kind of luck, 200 of them. */
const rows = Array.from({ length: 200 }, (_, id) => ({
  id,
  n: [id % 11, null, 'x', 6.5][id % 7] ?? id,
  k: ['a', 'b', 'A', null, 'c'][id % 5],
  l: [[1, 2, 3], [], [id], null, 'ab'][id % 9] ?? [],
}));

const given = (): Batch =>
  batchOf(
    rows.map(each => JSON.stringify(each)),
    {
      times: Float64Array.from(rows, (_, i) => i * 1000),
      metadata: rows.map((_, i) => ({ messageId: String(i) })),
    },
  );

const batchesOf = ({ good, named = {}, failed }: Outcome): Batch[] => [
  ...good,
  ...Object.values(named).flat(),
  ...(failed ? [failed] : []),
];

for (const [component, config] of transforms) {
  const title = `${component.name} ${JSON.stringify(config)}`;

  test(`${title}: the books balance`, async t => {
    const transform = await openTransform(t, component, config, { input: row });
    const outcome = await transform.process(given());
    const { filtered = 0, created = 0 } = outcome;
    const left = batchesOf(outcome).reduce((sum, { count }) => sum + count, 0);
    assert.equal(left + filtered - created, rows.length);
    assert.equal(outcome.failed?.failures?.length ?? 0, outcome.failed?.count ?? 0);
  });

  test(`${title}: each element keeps its metadata, and they stay in order`, async t => {
    const transform = await openTransform(t, component, config, { input: row });
    for (const batch of batchesOf(await transform.process(given()))) {
      const ids = batch.metadata?.map(({ messageId }) => Number(messageId)) ?? [];
      assert.equal(ids.length, batch.count);
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => a - b),
      );
      for (const [i, id] of ids.entries()) {
        const seen = JSON.parse(payloadOf(batch, i).toString());
        if ('id' in seen) assert.equal(seen.id, id);
        if (component !== assignTimestamps) assert.equal(batch.times?.[i], id * 1000);
      }
    }
  });

  test(`${title}: what failed is the element as it was`, async t => {
    const transform = await openTransform(t, component, config, { input: row });
    const { failed } = await transform.process(given());
    for (let i = 0; i < (failed?.count ?? 0); i++) {
      const id = Number(failed?.metadata?.[i]?.messageId);
      assert.equal(failed && payloadOf(failed, i).toString(), JSON.stringify(rows[id]));
      assert.equal(failed?.failures?.[i]?.transform, 'Stage');
    }
  });

  test(`${title}: a second reader of the batch finds it as it was`, async t => {
    const transform = await openTransform(t, component, config, { input: row });
    const batch = given();
    const first = await transform.process(batch);
    const second = await transform.process(batch);
    assert.deepEqual(batchesOf(second).map(textsOf), batchesOf(first).map(textsOf));
    assert.deepEqual(
      textsOf(batch),
      rows.map(each => JSON.stringify(each)),
    );
  });
}
