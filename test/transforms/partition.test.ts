import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../src/engine/batch.ts';
import { partition } from '../../src/transforms/partition.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

const row = { form: 'row' } as const;
const by = { by: 'k', language: 'generic' };

test('Partition takes no name for an output that every object has as a key', () => {
  assert.ok(partition.kind === 'transform');
  const { output } = partition;
  for (const name of ['__proto__', 'constructor', 'toString'])
    assert.throws(() => output(row, { ...by, outputs: [name] }, []), {
      message: `${name} cannot be the name of an output`,
    });
});

test('Partition sends a value that looks like a key of every object to unknown_output', async t => {
  const config = { ...by, outputs: ['a'], unknown_output: 'rest' };
  const { process } = await openTransform(t, partition, config, { input: row });
  const rows = ['{"k":"__proto__"}', '{"k":"constructor"}', '{"k":"a"}'];
  const { good, named = {} } = await process(batchOf(rows));
  assert.deepEqual(good, []);
  assert.deepEqual(named.rest?.flatMap(textsOf), rows.slice(0, 2));
  assert.deepEqual(named.a?.flatMap(textsOf), rows.slice(2));
});

test('Partition copies no bytes', async t => {
  const { process } = await openTransform(t, partition, { ...by, outputs: ['a', 'b'] }, { input: row });
  const batch = batchOf(['{"k":"a"}', '{"k":"b"}']);
  const { named = {} } = await process(batch);
  assert.deepEqual(Object.keys(named), ['a', 'b']);
  for (const parts of Object.values(named)) assert.equal(parts[0]?.bytes, batch.bytes);
});
