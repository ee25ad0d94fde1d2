import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startSluice } from '../../helpers/cli.ts';
import { eventually } from '../../jobs/service-jobs.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { type Containers, openContainers, WORKER_IMAGE } from './containers.ts';

const skip = missing('docker');
const engine = shared(startDocker);

/** A home whose server has gone, and the command line in it. */
async function openHome(
  t: TestContext,
): Promise<Containers & { start(...args: string[]): ReturnType<typeof startSluice> }> {
  const { host } = await engine();
  const all = await openContainers(t, await engine());
  await all.supervisor.close({ drain: false });
  const { home } = all.config;
  const env = { DOCKER_HOST: host, SLUICE_WORKER_IMAGE: WORKER_IMAGE, SLUICE_CHECKPOINT_MS: '100' };
  return { ...all, start: (...args) => startSluice(args, { home, cwd: all.folder, env }) };
}

test('Ctrl-C drains a stream that runs in a container without a server', { skip }, async t => {
  const all = await openHome(t);
  const transforms = [
    { type: 'GenerateFromSchema', config: { schema: '{"n": {{index()}}}', rate: 100 } },
    { type: 'WindowInto', config: { windowing: { type: 'fixed', size: '1s' } } },
    // From where the command was called.
    { type: 'WriteToText', config: { path: 'out/part' } },
  ];
  await writeFile(join(all.folder, 'p.yaml'), JSON.stringify({ pipeline: { type: 'chain', transforms } }));
  const running = all.start('run', '--pipeline', 'p.yaml', '--launcher', 'docker', '--json');
  const files = () => globSync(join(all.folder, 'out/part*'));
  await eventually(() => files().length > 0);
  running.child.kill('SIGINT');
  const { status, stdout, stderr } = await running.finished;
  assert.equal(status, 0, stderr);
  const { state, elements } = JSON.parse(stdout);
  assert.equal(state, 'DRAINED');
  const lines = files().flatMap(file => readFileSync(file, 'utf8').trimEnd().split('\n'));
  assert.equal(lines.length, elements.written);
  await all.assertNothingLeft();
});

test('dead letters of a job in a container are replayed in one', { skip }, async t => {
  const all = await openHome(t);
  const { folder, start, store } = all;
  await writeFile(join(folder, 'in.txt'), '6\n7\n8\n');
  await writeFile(
    join(folder, 'udf.js'),
    'function f(x) { if (x === "7") throw new Error("seven"); return x; }',
  );
  const parameters = {
    inputFilePattern: 'in.txt',
    outputDirectory: 'out',
    javascriptTextTransformGcsPath: 'udf.js',
    javascriptTextTransformFunctionName: 'f',
  };
  const given = ['--parameters', JSON.stringify(parameters), '--launcher', 'docker', '--memory', '512MiB'];
  const ran = await start('run', 'GCS_Text_to_GCS_Text', ...given, '--json').finished;
  assert.equal(ran.status, 0, ran.stderr);
  const { jobId, elements } = JSON.parse(ran.stdout);
  assert.equal(elements.deadLettered, 1);
  await writeFile(join(folder, 'udf.js'), 'function f(x) { return x; }');
  const replayed = await start('dlq', 'replay', jobId, '--json').finished;
  assert.equal(replayed.status, 0, replayed.stderr);
  const replay = JSON.parse(replayed.stdout);
  assert.deepEqual(replay.elements, { read: 1, written: 1, filtered: 0, deadLettered: 0 });
  assert.deepEqual(store.jobs.require(replay.jobId).container, store.jobs.require(jobId).container);
  const [file = ''] = globSync(join(folder, 'out/*replay*'));
  assert.equal(readFileSync(file, 'utf8'), '7\n');
  await all.assertNothingLeft();
});
