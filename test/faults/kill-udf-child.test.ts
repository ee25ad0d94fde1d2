import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { totalsOf } from '../../src/engine/counters.ts';
import { udfChildrenBelow } from '../helpers/processes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { prepareIn, startJob } from './launch.ts';
import { assertExactlyOnce, expectedElements, UDF, writeRecords } from './records.ts';

const RECORDS = 200_000;

test('UDF children killed again and again during a run: nothing is lost or doubled, and none outlives the job', async t => {
  const folder = await temporaryFolder(t);
  writeRecords(join(folder, 'in.ndjson'), RECORDS);
  // Slow enough that there is something to be killed.
  await writeFile(
    join(folder, 'udf.js'),
    UDF.replace('record.seen', 'for (let i = 0; i < 100000; i++);\n  record.seen'),
  );
  const job = await prepareIn(join(folder, 'home'), 'GCS_Text_to_GCS_Text', {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  });
  let kills = 0;
  let before = 0;
  const { graph } = job.prepared;
  const run = startJob(job, undefined, {
    onProgress({ counters }) {
      // Only while the job comes on: children that are killed again and again as they load are given up.
      const { read } = totalsOf(graph, counters).elements;
      const oldest = Math.min(...udfChildrenBelow(process.pid));
      if (read === before || !Number.isFinite(oldest)) return;
      before = read;
      process.kill(oldest, 'SIGKILL');
      kills++;
    },
  });
  const summary = await run.ended;
  t.diagnostic(`${kills} children killed`);
  assert.deepEqual(summary.error, undefined);
  assert.ok(kills >= 5);
  assert.equal(summary.state, 'DONE');
  assert.deepEqual(summary.elements, expectedElements(RECORDS));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*.txt'), join(folder, 'out/errors/*.json'));
  assert.deepEqual(udfChildrenBelow(process.pid), []);
});
