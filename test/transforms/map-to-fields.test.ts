import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../src/engine/batch.ts';
import { mapToFields } from '../../src/transforms/map-to-fields.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

const row = { form: 'row' } as const;

for (const language of ['generic', 'javascript']) {
  test(`MapToFields (${language}) keeps a field called __proto__, and defines none`, async t => {
    const fields = { b: language === 'generic' ? 'a' : 'a + 0' };
    for (const drop of [[], ['x']]) {
      const config = { language, append: true, drop, fields };
      const { process } = await openTransform(t, mapToFields, config, { input: row });
      const { good } = await process(batchOf(['{"__proto__":{"c":1},"a":2}']));
      assert.deepEqual(good.flatMap(textsOf), ['{"__proto__":{"c":1},"a":2,"b":2}']);
    }
    assert.ok(mapToFields.kind === 'transform');
    const evil = { language, append: false, fields: JSON.parse('{"__proto__":"a"}') };
    const { output } = mapToFields;
    assert.throws(() => output(row, evil, []), { message: '__proto__ cannot be the name of a field' });
  });
}

test('MapToFields warns once of a field that none of the first rows has', async t => {
  const reports: string[] = [];
  const { process } = await openTransform(
    t,
    mapToFields,
    { language: 'generic', append: false, fields: { x: 'a', y: 'amuont > 1' } },
    { input: row, report: (severity, text) => void reports.push(`${severity} ${text}`) },
  );
  const { failed } = await process(batchOf(['{"a":1}', '{"b":1}']));
  await process(batchOf(['{"c":1}']));
  assert.deepEqual(reports, ['WARNING none of the first 2 rows has the field amuont: it counts as null']);
  assert.equal(failed?.count, 2);
});

test('MapToFields runs a batch of 20,000 rows with five expressions in one go', async t => {
  const fields = { a: 'n + 1', b: 'n * 2', c: 'String(n)', d: '[n]', e: 'n % 2 === 0' };
  const config = { language: 'javascript', append: false, fields };
  const { process } = await openTransform(t, mapToFields, config, { input: row });
  const { good } = await process(batchOf(Array.from({ length: 20_000 }, (_, n) => `{"n":${n}}`)));
  const texts = good.flatMap(textsOf);
  assert.equal(texts.length, 20_000);
  assert.equal(texts[777], '{"a":778,"b":1554,"c":"777","d":[777],"e":false}');
});

test('MapToFields fails the row that takes too much memory, and only it', async t => {
  const fields = {
    a: {
      callable: 'row => { const l = []; while (row.n === 1) l.push(new Array(1e5).fill(row)); return 1; }',
    },
  };
  const config = { language: 'javascript', append: false, fields };
  const { process } = await openTransform(t, mapToFields, config, { input: row });
  const { good, failed } = await process(batchOf(['{"n":0}', '{"n":1}', '{"n":2}']));
  assert.deepEqual(good.flatMap(textsOf), ['{"a":1}', '{"a":1}']);
  assert.match(failed?.failures?.[0]?.code ?? '', /^UDF_(MEMORY|TIMEOUT)$/);
});

test('MapToFields tells the line of an expression that threw', async t => {
  const fields = { total: { callable: 'row => {\n  const price = row.price;\n  return price.amount;\n}' } };
  const config = { language: 'javascript', append: false, fields };
  const { process } = await openTransform(t, mapToFields, config, { input: row });
  const { failed } = await process(batchOf(['{}']));
  const [failure] = failed?.failures ?? [];
  assert.equal(failure?.code, 'EXPRESSION_FAILED');
  assert.match(failure?.message ?? '', /^total: TypeError: Cannot read properties of undefined/);
  assert.match(failure?.stack ?? '', /^at .*total:3:16/);
});
