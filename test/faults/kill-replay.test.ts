import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CrashPoint, crashPoints } from '../../src/engine/crash-point.ts';
import { sluice } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { recordOf, UDF } from './records.ts';

const RECORDS = 22_000;
/** Of those that UDF fails it still fails every fifth. */
const MENDED = `function check(payload) {
  const record = JSON.parse(payload);
  if (record.id % 55 === 0) throw new Error('still');
  return payload;
}`;
const FAILED = Array.from({ length: RECORDS }, (_, id) => id).filter(id => id % 11 === 0 && id % 7 !== 0);
const RECOVERED = FAILED.filter(id => id % 55 !== 0);

test('a replay killed at every step and resumed writes each letter exactly once', async t => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  const lines = Array.from({ length: RECORDS }, (_, id) => recordOf(id));
  await writeFile(join(folder, 'in.ndjson'), `${lines.join('\n')}\n`);
  await writeFile(join(folder, 'udf.js'), UDF);
  await writeFile(join(folder, 'mended.js'), MENDED);
  const parameters = {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const run = async (args: string[], crashAt?: CrashPoint) => {
    const env = { SLUICE_CHECKPOINT_MS: '5', SLUICE_CRASH_AT: crashAt ? `${crashAt}:1` : '' };
    const { stdout, stderr } = await sluice([...args, '--json'], { home, env });
    assert.ok(stdout.startsWith('{'), stderr);
    return JSON.parse(stdout);
  };
  const job = await run(['run', 'GCS_Text_to_GCS_Text', '--parameters', JSON.stringify(parameters)]);
  assert.equal(job.elements.deadLettered, FAILED.length);

  const replay = ['dlq', 'replay', job.jobId, '--udf', join(folder, 'mended.js')];
  // A checkpoint comes first, so that there is something to go on from; files get their names at the end only.
  const rank = (point: CrashPoint) => (point === 'checkpoint.saved' ? 0 : point.startsWith('file.') ? 2 : 1);
  const points = crashPoints.toSorted((a, b) => rank(a) - rank(b));
  const [first, ...others] = points;
  let summary = await run(replay, first);
  const { jobId } = summary;
  assert.equal((await run(replay)).error.code, 'REPLAY_REFUSED');
  for (const point of others) {
    assert.equal(summary.error.code, 'WORKER_LOST');
    summary = await run(['resume', jobId], point);
  }
  assert.equal(summary.error.code, 'WORKER_LOST');
  summary = await run(['resume', jobId]);
  assert.equal(summary.state, 'DONE');
  assert.equal(summary.replayOf, job.jobId);
  assert.deepEqual(summary.elements, {
    read: FAILED.length,
    written: RECOVERED.length,
    filtered: 0,
    deadLettered: FAILED.length - RECOVERED.length,
  });
  const written = linesOf(join(folder, `out/*-replay-${jobId}.txt`)).map(line => JSON.parse(line).id);
  assert.deepEqual(sorted(written), RECOVERED);
  const letters = linesOf(join(folder, `out/errors/*-replay-${jobId}.json`)).map(line => JSON.parse(line));
  assert.deepEqual(
    sorted(letters.map(({ payload }) => JSON.parse(payload).id)),
    FAILED.filter(id => id % 55 === 0),
  );
  assert.ok(letters.every(({ attempts }) => attempts === 2));
  const listed = await run(['dlq', 'list', job.jobId]);
  assert.equal(listed.waiting, FAILED.length - RECOVERED.length);
});

test('a replay of which nothing has come is given up by the next one, and cannot be resumed', async t => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  await writeFile(join(folder, 'in.txt'), 'a\nb\n');
  await writeFile(
    join(folder, 'udf.js'),
    'function f() { throw new Error("no"); }\nfunction g(x) { return x; }',
  );
  const parameters = `inputFilePattern=${folder}/in.txt,outputDirectory=${folder}/out,javascriptTextTransformGcsPath=${folder}/udf.js,javascriptTextTransformFunctionName=f`;
  const run = async (args: string[], crashAt = '') =>
    JSON.parse((await sluice([...args, '--json'], { home, env: { SLUICE_CRASH_AT: crashAt } })).stdout);
  const { jobId } = await run(['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters]);
  const replay = ['dlq', 'replay', jobId, '--function', 'g'];
  const killed = await run(replay, 'source.read:1');
  assert.equal(killed.error.code, 'WORKER_LOST');
  assert.deepEqual((await run(replay)).elements.written, 2);
  assert.equal((await run(['resume', killed.jobId])).error.code, 'JOB_NOT_RESUMABLE');
});

const linesOf = (pattern: string): string[] =>
  globSync(pattern).flatMap(path => readFileSync(path, 'utf8').split('\n').slice(0, -1));
const sorted = (ids: number[]): number[] => ids.sort((a, b) => a - b);
