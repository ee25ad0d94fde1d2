import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, selectElements } from '../../src/engine/batch.ts';
import { logForTesting } from '../../src/transforms/log-for-testing.ts';
import { openTransform } from './open.ts';

test('LogForTesting reports the first elements of a batch, and passes all on', async t => {
  const reports: string[] = [];
  const report = (severity: string, text: string) => void reports.push(`${severity} ${text}`);
  const { process } = await openTransform(t, logForTesting, { level: 'WARNING', prefix: '> ' }, { report });
  const batch = batchOf(Array.from({ length: 30 }, (_, i) => `e${i}`));
  assert.deepEqual(await process(batch), { good: [batch] });
  assert.equal(reports.length, 21);
  assert.equal(reports[0], 'WARNING > e0');
  assert.equal(reports[20], 'WARNING > … and 10 more');
});

test('LogForTesting cuts a long element', async t => {
  const reports: string[] = [];
  const report = (_: string, text: string) => void reports.push(text);
  const { process } = await openTransform(t, logForTesting, { level: 'INFO', prefix: '' }, { report });
  await process(batchOf(['é'.repeat(5000)]));
  assert.deepEqual(reports, [`${'é'.repeat(1000)}…`]);
});

test('LogForTesting tells why an element failed', async t => {
  const reports: string[] = [];
  const report = (_: string, text: string) => void reports.push(text);
  const { process } = await openTransform(t, logForTesting, { level: 'INFO', prefix: '' }, { report });
  const failure = { code: 'UDF_THREW', message: 'boom', transform: 'Udf' };
  await process(selectElements(batchOf(['a', 'b']), [1], [failure]));
  assert.deepEqual(reports, ['b (UDF_THREW: boom)']);
});
