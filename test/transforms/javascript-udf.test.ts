import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { batchOf, payloadOf } from '../../src/engine/batch.ts';
import type { ElementType, StageContext, TransformComponent } from '../../src/engine/component.ts';
import { javaScriptUdf } from '../../src/transforms/javascript-udf.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { openTransform } from './open.ts';

const row: ElementType = { form: 'row' };
const udf = javaScriptUdf as TransformComponent;

const source = `function process(payload) {
  const record = JSON.parse(payload);
  if (record.drop) return null;
  record.seen = true;
  return JSON.stringify(record);
}`;

test('the books of a batch balance, and a failed element keeps its payload, metadata and position', async t => {
  const transform = await openTransform(t, udf, { source }, { stage: 'chain/Udf', input: row });
  const metadata = [{ messageId: '1' }, { messageId: '2' }, { messageId: '3', attributes: { a: 'b' } }];
  const batch = {
    ...batchOf(['{"n":1}', '{"drop":true}', '{oops'], { metadata, times: Float64Array.of(1, 2, 3) }),
    origin: { path: 'in', offset: 0 },
  };
  const { good, failed, filtered } = await transform.process(batch);
  assert.deepEqual(good.flatMap(textsOf), ['{"n":1,"seen":true}']);
  assert.deepEqual([good[0]?.metadata, [...(good[0]?.times ?? [])]], [[{ messageId: '1' }], [1]]);
  assert.equal(good[0]?.origin, undefined);
  assert.equal(filtered, 1);
  assert.deepEqual(failed && payloadOf(failed, 0).toString(), '{oops');
  assert.deepEqual([failed?.metadata, failed?.origin], [[metadata[2]], batch.origin]);
  assert.partialDeepStrictEqual(failed?.failures?.[0], { code: 'UDF_THREW', transform: 'chain/Udf' });
  assert.match(String(failed?.failures?.[0]?.message), /^SyntaxError: /);
  assert.match(String(failed?.failures?.[0]?.stack), /at process \(udf\.js:2:/);
});

test('rows must come back as JSON objects, text as any text', async t => {
  const echo = { source: 'const process = x => x.slice(1);' };
  const rows = await openTransform(t, udf, echo, { input: row });
  const { good, failed } = await rows.process(batchOf([' {"a":1}', ' [1]']));
  assert.deepEqual(good.flatMap(textsOf), ['{"a":1}']);
  assert.deepEqual(failed?.failures, [
    {
      code: 'UDF_RETURN_NOT_OBJECT',
      message: 'process did not return a JSON object, but: [1]',
      transform: 'Stage',
    },
  ]);
  const text = await openTransform(t, udf, echo);
  assert.deepEqual((await text.process(batchOf([' [1]']))).good.flatMap(textsOf), ['[1]']);
});

test('limits are those of the config', async t => {
  const limits = { timeout_ms: 60, memory_mb: 32, max_output_bytes: 4 };
  const hungry = `function process(x) {
    if (x === 'time') for (;;) {}
    if (x === 'size') return 'xxxxx';
    return x;
  }`;
  const transform = await openTransform(t, udf, { source: hungry, ...limits });
  const { failed } = await transform.process(batchOf(['a', 'time', 'size']));
  assert.deepEqual(
    failed?.failures?.map(({ code, message }) => [code, message]),
    [
      ['UDF_TIMEOUT', 'process ran longer than 60 ms'],
      ['UDF_OUTPUT_TOO_LARGE', 'process returned more than 4 bytes'],
    ],
  );
});

test('a UDF that cannot be used is refused when the pipeline opens', async t => {
  const folder = await temporaryFolder(t);
  const open = (config: unknown, more: Partial<StageContext> = {}) =>
    udf.open(config, contextOf(folder, more));
  await assert.rejects(open({ source: 'function process( {' }), { code: 'UDF_SYNTAX', message: /udf\.js:1/ });
  await assert.rejects(open({ source, function: 'other' }), { code: 'UDF_FUNCTION_MISSING' });
  await assert.rejects(open({ source, function: 'f()' }), { code: 'UDF_FUNCTION_MISSING' });
  await assert.rejects(open({ path: join(folder, 'absent.js') }), { code: 'UDF_NOT_FOUND' });
  assert.throws(() => udf.output({ form: 'failure' }, { source }, []), { code: 'PIPELINE_INVALID' });
});

test('a script that changes is loaded again while the pipeline runs', async t => {
  const path = join(await temporaryFolder(t), 'u.js');
  await writeFile(path, 'function process(x) { return x + 1; }');
  const reports: string[] = [];
  const report = (severity: string, text: string) => reports.push(`${severity} ${text}`);
  // A quarter of a second.
  const transform = await openTransform(t, udf, { path, reload_minutes: 1 / 240 }, { report });
  const first = async () => (await transform.process(batchOf(['a']))).good.flatMap(textsOf)[0];
  const becomes = async (expected: string, enough: () => boolean) => {
    for (let i = 0; i < 100 && !((await first()) === expected && enough()); i++) {
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    assert.equal(await first(), expected);
  };
  assert.equal(await first(), 'a1');
  await writeFile(path, 'function process(x) { return x + 2; }');
  await becomes('a2', () => true);
  await writeFile(path, 'function process(x) { return');
  await becomes('a2', () => reports.length === 2);
  assert.match(String(reports[1]), /^WARNING the new version of the UDF cannot be used.*: .*Unexpected end/);
});
