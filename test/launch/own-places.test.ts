import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config.ts';
import { prepareJob } from '../../src/launch/prepare.ts';
import { serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 60_000; !(await isSo()); await sleep(200))
    if (Date.now() > endMs) throw new Error('it did not come to be');
}

async function pipelineOf(t: TestContext, path: string) {
  const folder = await temporaryFolder(t);
  const transforms = [
    { type: 'Create', config: { elements: [1] } },
    { type: 'WriteToJson', config: { path: path.replace('FOLDER', folder) } },
  ];
  const config = loadConfig({ SLUICE_HOME: join(folder, 'home'), SLUICE_ROOTS: folder });
  await mkdir(join(folder, 'home/jobs/other/dead-letters'), { recursive: true });
  await symlink(join(folder, 'home/jobs'), join(folder, 'link'));
  const pipeline = join(folder, 'pipeline.yaml');
  await writeFile(pipeline, JSON.stringify({ pipeline: { type: 'chain', transforms } }));
  return prepareJob(config, { pipeline });
}

for (const path of [
  'FOLDER/home/jobs/other/dead-letters/error',
  'FOLDER/home/jobs/other/dead-letters/sub/error',
  'FOLDER/home/cloud/error',
  'FOLDER/link/other/dead-letters/error',
])
  test(`a pipeline on a server may not name ${path}`, async t => {
    await assert.rejects(pipelineOf(t, path), { code: 'PATH_FORBIDDEN' });
  });

test('a pipeline on a server may name what lies in its roots', async t => {
  const { job } = await pipelineOf(t, 'FOLDER/out/part');
  assert.ok(job.pipeline);
});

test('dead letters for which nobody has named a place are kept in the folder of the job, on a server too', async t => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  const env = { SLUICE_CHECKPOINT_MS: '100' };
  const server = await serve(t, { home, cwd: folder, env }, ['--root', folder]);
  const [input, outputTopic, inputSubscription] = [
    'projects/local/topics/incoming',
    'projects/local/topics/outgoing',
    'projects/local/subscriptions/incoming',
  ];
  await server.sluice(['pubsub', 'create', input, '--subscription', inputSubscription]);
  await writeFile(join(folder, 'udf.js'), 'function f() { throw new Error("no"); }');
  const parameters = {
    inputSubscription,
    outputTopic,
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'f',
  };
  const given = ['--job-name', 'copy', '--parameters', JSON.stringify(parameters)];
  const { id } = await server.json(['launch', 'Cloud_PubSub_to_Cloud_PubSub', ...given]);
  await server.sluice(['pubsub', 'publish', input], { input: 'one\n' });
  await eventually(async () => {
    const { state, totals, result } = await server.json(['jobs', 'show', id]);
    assert.notEqual(state, 'FAILED', JSON.stringify(result?.error));
    return totals?.elements.deadLettered === 1;
  });
  await server.sluice(['jobs', 'drain', id]);
  const { state } = await server.json(['jobs', 'wait', id]);
  assert.equal(state, 'DRAINED');
  const files = globSync(join(home, 'jobs', id, 'dead-letters/error-*'));
  assert.equal(files.length, 1);
  const letters = await server.json(['dlq', 'show', id]);
  assert.ok(JSON.stringify(letters).includes('UDF_THREW'));
});
