import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, loadConfig } from '../../src/config.ts';
import { runForeground } from '../../src/jobs/foreground.ts';
import type { JobListener } from '../../src/jobs/run-job.ts';
import { launchForeground } from '../../src/launch/foreground.ts';
import { type GivenParameters, prepareJob } from '../../src/launch/prepare.ts';
import { openStore } from '../../src/store/store.ts';
import { sluice, startSluice } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

interface Bench {
  folder: string;
  home: string;
  config: Config;
  store: ReturnType<typeof openStore>;
}

async function benchIn(t: TestContext): Promise<Bench> {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  const config = loadConfig({ SLUICE_HOME: home });
  const store = openStore(config);
  t.after(() => store.close());
  await writeFile(join(folder, 'in.txt'), 'one\nbad\ntwo\n');
  await writeFile(
    join(folder, 'udf.js'),
    'function f(payload) { return payload === "bad" ? undeclared : payload.toUpperCase(); }',
  );
  return { folder, home, config, store };
}

const filesJob = ({ folder }: Bench): GivenParameters => ({
  inputFilePattern: join(folder, 'in.txt'),
  outputDirectory: join(folder, 'out'),
  javascriptTextTransformGcsPath: join(folder, 'udf.js'),
  javascriptTextTransformFunctionName: 'f',
});

const stream = ({ folder }: Bench): GivenParameters => ({
  qps: '500',
  schemaTemplate: 'GAME_EVENT',
  sinkType: 'GCS',
  outputDirectory: join(folder, 'out'),
  windowDuration: '1s',
});

const asArguments = (templateId: string, parameters: GivenParameters): string[] => [
  'run',
  templateId,
  '--parameters',
  JSON.stringify(parameters),
  '--json',
];

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20);
}

/** The one job of the foreground that has not ended, once it is in this state. */
async function activeJob({ store }: Bench, state: string): Promise<string> {
  await until(() => store.jobs.active('foreground')[0]?.state === state);
  return store.jobs.active('foreground')[0]?.id ?? '';
}

test('a run leaves a record of what it was asked, how it went and what it came to', async t => {
  const bench = await benchIn(t);
  const { status, stdout } = await sluice(asArguments('GCS_Text_to_GCS_Text', filesJob(bench)), bench);
  assert.equal(status, 0);
  const { jobId, templateId, state, ...result } = JSON.parse(stdout);
  const record = bench.store.jobs.require(jobId);
  assert.partialDeepStrictEqual(record, {
    state: 'DONE',
    templateId: 'GCS_Text_to_GCS_Text',
    parameters: { inputFilePattern: join(bench.folder, 'in.txt'), numShards: 0 },
    owner: 'foreground',
    launchedBy: 'local',
    streaming: false,
    workers: 1,
    result,
  });
  assert.match(record.name, /^gcs-text-to-gcs-text-\d+$/);
  const times = [record.createTime, record.startTime, record.endTime].map(time => Date.parse(time ?? ''));
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  const counters = bench.store.progress.get(jobId)?.counters ?? {};
  assert.deepEqual(
    Object.values(counters)
      .map(({ failed }) => failed)
      .filter(failed => failed > 0),
    [1],
  );
  assert.deepEqual(await readdir(join(bench.home, 'jobs', jobId)), ['job.json', 'workers']);
});

test('a refused run leaves a record that has failed, and says why', async t => {
  const bench = await benchIn(t);
  const parameters = { ...filesJob(bench), inputFilePattern: join(bench.folder, 'nowhere') };
  const { status, stdout } = await sluice(asArguments('GCS_Text_to_GCS_Text', parameters), bench);
  assert.equal(status, 2);
  const { error } = JSON.parse(stdout);
  const [record] = bench.store.jobs.list({}, 10).items;
  assert.equal(record?.state, 'FAILED');
  assert.deepEqual(record?.result?.error, { code: error.code, message: error.message });
  const { items } = bench.store.messages.list(record?.id ?? '', {}, 10);
  assert.deepEqual(
    items.map(({ severity, text }) => [severity, text]),
    [['ERROR', error.message]],
  );
});

/** A stream that runs in this process. */
async function runHere(bench: Bench, listener: JobListener) {
  const { config, store } = bench;
  const prepared = await prepareJob(config, {
    templateId: 'Streaming_Data_Generator',
    parameters: stream(bench),
  });
  await launchForeground({ config, store }, prepared);
  const { id } = prepared.job;
  assert.equal(store.jobs.require(id).state, 'PENDING');
  // Workers take their environment from ours at the moment they are started.
  const before = process.env.SLUICE_HOME;
  process.env.SLUICE_HOME = config.home;
  const run = runForeground({ config, store }, prepared, listener);
  if (before === undefined) delete process.env.SLUICE_HOME;
  else process.env.SLUICE_HOME = before;
  await until(() => store.jobs.require(id).state === 'RUNNING');
  return { id, run };
}

test('what a run says and how far it is can be seen while it goes on', async t => {
  const bench = await benchIn(t);
  const { store } = bench;
  const said: string[] = [];
  const { id, run } = await runHere(bench, { onMessage: ({ text }) => said.push(text) });
  await until(() => Object.values(store.progress.get(id)?.counters ?? {}).some(count => count.out > 0));
  run.drain();
  assert.equal(store.jobs.require(id).state, 'DRAINING');
  assert.equal(store.jobs.require(id).wish, 'DRAINED');
  const { state, elements } = await run.ended;
  assert.equal(state, 'DRAINED');
  assert.deepEqual(store.jobs.require(id).result?.elements, elements);
  assert.deepEqual(
    store.messages
      .list(id, {}, 1000)
      .items.map(({ text }) => text)
      .sort(),
    said.sort(),
  );
});

test('a run whose notes cannot be kept for a while says so once, and goes on', async t => {
  const bench = await benchIn(t);
  const { store } = bench;
  const warnings: string[] = [];
  const { id, run } = await runHere(bench, {
    onMessage: ({ severity, text }) => severity === 'WARNING' && warnings.push(text),
  });
  store.database.exec('ALTER TABLE progress RENAME TO away');
  await until(() => warnings.length > 0);
  store.database.exec('ALTER TABLE away RENAME TO progress');
  await until(() => Object.values(store.progress.get(id)?.counters ?? {}).some(count => count.out > 0));
  run.cancel();
  assert.equal((await run.ended).state, 'CANCELLED');
  assert.equal(store.jobs.require(id).state, 'CANCELLED');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^how the job goes is not noted: .*no such table: (?:main\.)?progress$/);
});

for (const [wish, state, status] of [
  ['DRAINED', 'DRAINED', 0],
  ['CANCELLED', 'CANCELLED', 130],
] as const)
  test(`a run does what its record wishes: ${wish}`, async t => {
    const bench = await benchIn(t);
    const running = startSluice(asArguments('Streaming_Data_Generator', stream(bench)), bench);
    t.after(() => running.child.kill('SIGKILL'));
    const id = await activeJob(bench, 'RUNNING');
    bench.store.jobs.wish(id, wish);
    const { status: exit, stdout } = await running.finished;
    assert.equal(exit, status);
    assert.equal(JSON.parse(stdout).state, state);
    assert.equal(bench.store.jobs.require(id).state, state);
  });

test('a job that runs, or has come to its end, is not resumed; one whose process was killed is', async t => {
  const bench = await benchIn(t);
  const running = startSluice(asArguments('Streaming_Data_Generator', stream(bench)), bench);
  t.after(() => running.child.kill('SIGKILL'));
  const id = await activeJob(bench, 'RUNNING');
  const checkpoint = join(bench.home, 'jobs', id, 'workers/0/checkpoint.json');
  await until(() => existsSync(checkpoint));
  const refused = await sluice(['resume', id], bench);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, new RegExp(`job ${id} is being run by process ${running.child.pid} `));
  running.child.kill('SIGKILL');
  await running.finished;
  assert.equal(bench.store.jobs.require(id).state, 'RUNNING');
  const resumed = startSluice(['resume', id, '--json'], bench);
  t.after(() => resumed.child.kill('SIGKILL'));
  await until(() => {
    const { pid, state } = bench.store.jobs.require(id);
    return pid === resumed.child.pid && state === 'RUNNING';
  });
  resumed.child.kill('SIGINT');
  assert.equal(JSON.parse((await resumed.finished).stdout).state, 'DRAINED');
  const late = await sluice(['resume', id], bench);
  assert.match(late.stderr, /is DRAINED: there is nothing to resume/);
});
