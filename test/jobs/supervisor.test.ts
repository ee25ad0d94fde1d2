import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { expectedElements, UDF, writeRecords } from '../faults/records.ts';
import { openBench, streamOf } from './service-jobs.ts';

const RECORDS = 2000;

async function batchIn(folder: string) {
  writeRecords(join(folder, 'in.ndjson'), RECORDS);
  await writeFile(join(folder, 'udf.js'), UDF);
  return {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  };
}

test('a batch job is queued, runs and is done, with its totals', async t => {
  const bench = await openBench(t);
  const states: string[] = [];
  bench.supervisor.subscribe(event => event.type === 'state' && states.push(event.job.state));
  const record = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder));
  const { result, startTime } = await bench.until(record.id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS));
  assert.ok(startTime);
  assert.deepEqual(states, ['QUEUED', 'PENDING', 'RUNNING', 'DONE']);
  assert.deepEqual(bench.store.progress.get(record.id)?.counters !== undefined, true);
  t.diagnostic(JSON.stringify(bench.messages(record.id)));
});

test('a streaming job is drained', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  await bench.until(id, 'RUNNING');
  assert.equal((await bench.supervisor.stop(id, 'DRAINED')).state, 'DRAINING');
  const { result } = await bench.until(id, 'DRAINED', 'FAILED');
  assert.equal(result?.elements.read, result?.elements.written);
  assert.deepEqual(bench.supervisor.load(), { queued: 0, running: 0 });
});

test('a streaming job is cancelled', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  await bench.until(id, 'RUNNING');
  assert.equal((await bench.supervisor.stop(id, 'CANCELLED')).state, 'CANCELLING');
  await bench.until(id, 'CANCELLED', 'FAILED');
});
