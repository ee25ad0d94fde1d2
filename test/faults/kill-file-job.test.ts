import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CrashPoint, crashPoints } from '../../src/engine/crash-point.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { prepareIn, startJob, wasKilled } from './launch.ts';
import { assertExactlyOnce, expectedElements, UDF, writeRecords } from './records.ts';

const RECORDS = 200_000;
const KILLS = 50;

test(`a file job killed ${KILLS} times, at every step, writes each of ${RECORDS} records exactly once`, async t => {
  const folder = await temporaryFolder(t);
  writeRecords(join(folder, 'in.ndjson'), RECORDS);
  await writeFile(join(folder, 'udf.js'), UDF);
  const parameters = {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
    numShards: 3,
  };
  const job = await prepareIn(join(folder, 'home'), 'GCS_Text_to_GCS_Text', parameters, {
    SLUICE_CHECKPOINT_MS: '10',
  });

  const kills: Record<string, number> = {};
  let summary: JobSummary | undefined;
  const runUntil = async (crashAt?: CrashPoint, times = 1) => {
    summary = await startJob(job, crashAt && `${crashAt}:${times}`).ended;
    if (crashAt && wasKilled(summary)) kills[crashAt] = (kills[crashAt] ?? 0) + 1;
  };
  // Files get their names at the end only: everything else comes first.
  const onTheWay = crashPoints.filter(point => !point.startsWith('file.'));
  for (let i = 0; i < KILLS - 4; i++) await runUntil(onTheWay[i % onTheWay.length]);
  for (const times of [1, 2]) {
    await runUntil('file.rename', times);
    await runUntil('file.renamed', times);
  }
  await runUntil();

  t.diagnostic(`kills: ${JSON.stringify(kills)}`);
  assert.ok(summary);
  assert.equal(summary.state, 'DONE');
  assert.equal(
    Object.values(kills).reduce((sum, each) => sum + each, 0),
    KILLS,
  );
  for (const point of crashPoints) assert.ok(kills[point], `no kill at ${point}`);
  assert.deepEqual(summary.elements, expectedElements(RECORDS));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*.txt'), join(folder, 'out/errors/*.json'));
  assert.deepEqual(
    (await readdir(join(folder, 'out'))).filter(name => name.startsWith('.')),
    [],
  );
});
