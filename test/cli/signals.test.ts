import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Running, startSluice } from '../helpers/cli.ts';
import { descendantsOf, isRunning } from '../helpers/processes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A stream of 2,000 records a second into files, through a UDF that is slow where `slowMs` says so. */
async function startStream(folder: string, slowMs = 0): Promise<Running> {
  const loop = slowMs > 0 ? `for (const end = Date.now() + ${slowMs}; Date.now() < end; );` : '';
  await writeFile(join(folder, 'udf.js'), `function f(payload) { ${loop} return payload; }`);
  const parameters = {
    qps: '2000',
    schemaTemplate: 'GAME_EVENT',
    sinkType: 'GCS',
    outputDirectory: join(folder, 'out'),
    windowDuration: '1s',
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'f',
  };
  const args = ['run', 'Streaming_Data_Generator', '--parameters', JSON.stringify(parameters), '--json'];
  return startSluice(args, { home: join(folder, 'home') });
}

const files = (folder: string): string[] => globSync(join(folder, 'out/output*'));

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20);
}

test('Ctrl-C drains: what was read is written, and nothing is left behind', async t => {
  const folder = await temporaryFolder(t);
  const { child, finished } = await startStream(folder);
  await until(() => files(folder).length > 0);
  child.kill('SIGINT');
  const { status, stdout } = await finished;
  const { state, elements, outputs } = JSON.parse(stdout);
  assert.equal(status, 0);
  assert.equal(state, 'DRAINED');
  assert.ok(elements.read > 0);
  assert.equal(elements.written, elements.read);
  const lines = outputs.flatMap((path: string) => readFileSync(path, 'utf8').trimEnd().split('\n'));
  assert.equal(lines.length, elements.written);
  assert.deepEqual(
    (await readdir(join(folder, 'out'))).filter(name => name.startsWith('.')),
    [],
  );
});

test('a second Ctrl-C cancels a drain that takes too long', async t => {
  const folder = await temporaryFolder(t);
  const { child, finished } = await startStream(folder, 50);
  await until(() => globSync(join(folder, 'home/jobs/*/workers/0/checkpoint.json')).length > 0);
  child.kill('SIGINT');
  await sleep(100);
  child.kill('SIGINT');
  const { status, stdout } = await finished;
  assert.equal(status, 130);
  assert.equal(JSON.parse(stdout).state, 'CANCELLED');
  assert.deepEqual(
    (await readdir(join(folder, 'out')).catch(() => [])).filter(name => name.startsWith('.')),
    [],
  );
});

test('when the command is killed its worker and the UDF children end with it, and the job can be resumed', async t => {
  const folder = await temporaryFolder(t);
  const { child, finished } = await startStream(folder);
  await until(() => files(folder).length > 0);
  const descendants = descendantsOf(child.pid ?? 0);
  assert.ok(descendants.length >= 2);
  child.kill('SIGKILL');
  await finished;
  await until(() => descendants.every(pid => !isRunning(pid)));
  const [jobId = ''] = await readdir(join(folder, 'home/jobs'));
  const resumed = startSluice(['resume', jobId, '--json'], { home: join(folder, 'home') });
  const before = files(folder).length;
  await until(() => files(folder).length > before);
  resumed.child.kill('SIGINT');
  const { status, stdout } = await resumed.finished;
  assert.equal(status, 0);
  const { elements, outputs } = JSON.parse(stdout);
  assert.equal(elements.written, elements.read);
  const lines = outputs.flatMap((path: string) => readFileSync(path, 'utf8').trimEnd().split('\n'));
  assert.equal(new Set(lines.map((line: string) => JSON.parse(line).eventId)).size, elements.written);
});
