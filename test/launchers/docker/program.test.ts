/** Programs of other languages as jobs, on a real engine. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { ContainerSpec } from '../../../src/flex/spec.ts';
import type { JobRecord } from '../../../src/store/record.ts';
import { isEnded } from '../../../src/store/states.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { startServer, type TestServer } from '../../helpers/server.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { oddSpec, startPrograms, wordsSpec } from './programs/programs.ts';

const skip = missing('docker');
const programs = shared(startPrograms);
const PLACE = '/v1b3/projects/my-proj/locations/us-central1';

interface Programs extends TestServer {
  launch(spec: ContainerSpec, parameters: Record<string, string>, more?: object): Promise<string>;
  record(jobId: string): JobRecord;
  /** Resolves once the job is so far. */
  until(jobId: string, isSo: (record: JobRecord) => boolean): Promise<JobRecord>;
  ended(jobId: string): Promise<JobRecord>;
  messages(jobId: string): string[];
  counted(jobId: string): Record<string, number>;
}

/** A server on the engine of this file; of its jobs nothing is left on that after the test. */
async function serving(t: TestContext): Promise<Programs> {
  const { host, client } = await programs();
  atEnd(t, () => nothingIn(client));
  const server = await startServer(t, { config: { dockerHost: host }, maxJobs: 4 });
  const { store } = server.service;
  const record = (jobId: string) => store.jobs.require(jobId);
  const until: Programs['until'] = async (jobId, isSo) => {
    for (const endMs = Date.now() + 120_000; ; await sleep(50)) {
      const found = record(jobId);
      if (isSo(found)) return found;
      if (isEnded(found.state) || Date.now() > endMs)
        throw new Error(`${JSON.stringify(found)}\n${messages(jobId).join('\n')}`);
    }
  };
  const messages = (jobId: string) => store.messages.list(jobId, {}, 10_000).items.map(({ text }) => text);
  atEnd(t, async () => {
    for (const { id } of store.jobs.active('service')) {
      await server.service.supervisor.stop(id, 'CANCELLED');
      await until(id, ({ state }) => isEnded(state));
    }
  });
  return {
    ...server,
    record,
    until,
    messages,
    ended: jobId => until(jobId, ({ state }) => isEnded(state)),
    counted: jobId => store.progress.get(jobId)?.counters.program?.named ?? {},
    async launch(containerSpec, parameters, more = {}) {
      const launchParameter = { jobName: `job-${++launched}`, containerSpec, parameters, ...more };
      const { body } = await server.post(`${PLACE}/flexTemplates:launch`, { launchParameter });
      if (body.error) throw new Error(body.error.message);
      return body.job.id;
    },
  };
}

async function nothingIn(client: Docker): Promise<void> {
  assert.deepEqual(await client.listContainers({ all: true }), []);
  const networks = await client.listNetworks();
  assert.deepEqual(
    networks.filter(({ Name: name }) => name.startsWith('sluice')),
    [],
  );
}

let launched = 0;

/** Files of a bucket of the local cloud, which containers may write. */
async function put({ home }: TestServer, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, 'cloud/gs/bucket', name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
  }
}

const read = ({ home }: TestServer, name: string): Promise<string> =>
  readFile(join(home, 'cloud/gs/bucket', name), 'utf8');

const words = { input: 'gs://bucket/in', output: 'gs://bucket/out' };

test('a program counts words, and its job shows what it says', { skip }, async t => {
  const server = await serving(t);
  await put(server, { 'in/a.txt': 'to be or\n\nnot to be\n', 'in/b.txt': 'be\n' });
  const jobId = await server.launch(await wordsSpec(), words);
  const { state, result, container, templateId, streaming } = await server.ended(jobId);
  assert.equal(state, 'DONE');
  assert.equal(await read(server, 'out/words.txt'), 'be 3\nnot 1\nor 1\nto 2\n');
  assert.deepEqual(result?.elements, { read: 4, written: 3, filtered: 1, deadLettered: 0 });
  assert.deepEqual(result?.outputs, [join(server.home, 'cloud/gs/bucket/out/words.txt')]);
  assert.deepEqual(
    [container?.image, container?.isProgram, templateId, streaming],
    ['words:1', true, 'words', false],
  );
  assert.match(container?.imageId ?? '', /^sha256:[0-9a-f]{64}$/);
  const messages = server.messages(jobId);
  for (const text of ['running with 1 worker', 'a.txt is read', 'b.txt is read'])
    assert.deepEqual(
      messages.filter(each => each === text),
      [text],
    );
  assert.equal(messages.at(-1), 'DONE: read 4, written 3, filtered 1, dead-lettered 0');

  const { metrics } = (await server.get(`${PLACE}/jobs/${jobId}/metrics`)).body;
  const scalar = (name: string) =>
    metrics.find((each: { name: { name: string } }) => each.name.name === name)?.scalar;
  assert.deepEqual([scalar('words'), scalar('distinct'), scalar('elements_read')], [7, 4, 4]);
  const { stages } = (await server.get(`${PLACE}/jobs/${jobId}/executionDetails`)).body;
  assert.deepEqual(
    [stages.length, stages[0].userName, stages[0].state],
    [1, 'program', 'EXECUTION_STATE_SUCCEEDED'],
  );
  const { steps } = (await server.get(`${PLACE}/jobs/${jobId}?view=JOB_VIEW_ALL`)).body;
  assert.deepEqual(
    steps.map((step: { name: string }) => step.name),
    ['s1'],
  );
  const letters = await server.get(`/api/jobs/${jobId}/deadLetters`);
  assert.match(letters.body.error.message, /it runs a program, whose failures only that knows/);
});

test('a streaming program goes on until it is drained, and is not updated', { skip }, async t => {
  const server = await serving(t);
  await put(server, { 'in/a.txt': 'one two\n' });
  const spec = await wordsSpec(true);
  const jobId = await server.launch(spec, { ...words, watch: 'true' }, { jobName: 'watching' });
  await server.until(jobId, ({ state }) => state === 'RUNNING');
  await server.until(jobId, () => server.counted(jobId).words === 2);
  await put(server, { 'in/b.txt': 'three\n' });
  await server.until(jobId, () => server.counted(jobId).words === 3);
  await assert.rejects(
    server.launch(spec, { ...words, watch: 'true' }, { jobName: 'watching', update: true }),
    /what a program knows, only it knows/,
  );
  await server.service.supervisor.stop(jobId, 'DRAINED');
  const { state, result } = await server.ended(jobId);
  assert.equal(state, 'DRAINED');
  assert.deepEqual(result?.elements, { read: 2, written: 2, filtered: 0, deadLettered: 0 });
  assert.equal(await read(server, 'out/words.txt'), 'one 1\nthree 1\ntwo 1\n');
});

test('a program is given arguments, its secrets as files, and nothing else of the server', {
  skip,
}, async t => {
  const server = await serving(t);
  const { client } = await programs();
  const parameters = [
    { name: 'mode' },
    { name: 'key', customMetadata: { secret: 'true' } },
    { name: 'count', paramType: 'NUMBER', defaultValue: '7' },
    { name: 'text', isOptional: true },
  ];
  const text = 'a "b" $HOME; --c=d é\n';
  const given = { mode: 'looks', key: '4815162342', text };
  const jobId = await server.launch(oddSpec('1', { parameters }), given, { jobName: 'looking' });
  const { state } = await server.ended(jobId);
  assert.equal(state, 'DONE', server.messages(jobId).join('\n'));
  const seen = JSON.parse(server.messages(jobId).find(each => each.startsWith('{')) ?? '');
  assert.deepEqual(seen.arguments, ['--mode=looks', '--key=/run/secrets/key', `--text=${text}`, '--count=7']);
  assert.deepEqual(seen.environment, {
    SLUICE_JOB_ID: jobId,
    SLUICE_JOB_NAME: 'looking',
    SLUICE_WORKER_INDEX: '0',
    SLUICE_WORKER_COUNT: '1',
    SLUICE_STATE_DIR: '/state',
  });
  assert.deepEqual(server.counted(jobId), { secret: 4815162342 });
  assert.equal(await readFile(join(server.home, `jobs/${jobId}/workers/0/state/note`), 'utf8'), 'kept\n');
  assert.doesNotMatch(JSON.stringify(server.record(jobId)), /4815162342/);
  assert.deepEqual(await client.listContainers({ all: true }), []);
});

const timeout = { launchOptions: { ft_launch_timeout_secs: '3' } };
const bad: [mode: string, tag: string, more: object, code: string, message: RegExp][] = [
  ['fails', '1', {}, 'PROGRAM_FAILED', /^the program ended with status 1: there is no table t$/],
  ['says', '1', {}, 'PROGRAM_FAILED', /^the program failed: NO_TABLE: there is no table$/],
  ['hangs', 'reports', timeout, 'START_TIMEOUT', /did not begin to work within 3 s/],
  ['hangs', 'healthy', timeout, 'START_TIMEOUT', /did not begin to work within 3 s/],
  [
    'eats',
    '1',
    { environment: { additionalPipelineOptions: ['memory=64MiB'] } },
    'MEMORY_LIMIT',
    /^the program was killed: memory limit 64 MiB$/,
  ],
];

test('how a program fails is said, and it is not started again', { skip }, async t => {
  const server = await serving(t);
  await Promise.all(
    bad.map(async ([mode, tag, more, code, message]) => {
      const jobId = await server.launch(oddSpec(tag), { mode, what: 't' }, more);
      const { state, result, restarts } = await server.ended(jobId);
      assert.deepEqual(
        [state, result?.error?.code, restarts],
        ['FAILED', code, 0],
        `${mode}: ${result?.error?.message}`,
      );
      assert.match(result?.error?.message ?? '', message);
    }),
  );
});

test('a program that reports nothing runs when it is started, and is done when it ends well', {
  skip,
}, async t => {
  const server = await serving(t);
  const parameters = [{ name: 'mode' }, { name: 'output', paramType: 'GCS_WRITE_FOLDER' }];
  const jobId = await server.launch(oddSpec('1', { parameters }), {
    mode: 'silent',
    output: 'gs://bucket/out',
  });
  const { state, result, startTime } = await server.ended(jobId);
  assert.equal(state, 'DONE');
  assert.ok(startTime);
  assert.deepEqual(result?.elements, { read: 0, written: 0, filtered: 0, deadLettered: 0 });
  assert.equal(await read(server, 'out/done.txt'), 'silent\n');
});

test('a program of an image with a health check runs once it is healthy', { skip }, async t => {
  const server = await serving(t);
  const jobId = await server.launch(oddSpec('healthy'), { mode: 'heals' });
  await server.until(jobId, ({ state }) => state === 'RUNNING');
});

test('a program that knows no SIGTERM fails when it is drained; one that ignores it is killed at a cancel', {
  skip,
}, async t => {
  const server = await serving(t);
  const { supervisor } = server.service;
  const dies = await server.launch(oddSpec('reports'), { mode: 'dies' });
  const ignores = await server.launch(oddSpec('reports'), { mode: 'ignores' });
  for (const jobId of [dies, ignores]) await server.until(jobId, ({ state }) => state === 'RUNNING');
  for (const jobId of [dies, ignores]) await supervisor.stop(jobId, 'DRAINED');
  const { state, result } = await server.ended(dies);
  assert.equal(state, 'FAILED');
  assert.match(
    result?.error?.message ?? '',
    /was ended by SIGTERM, by which it was asked to drain: it must handle/,
  );
  assert.equal(server.record(ignores).state, 'DRAINING');
  await supervisor.stop(ignores, 'CANCELLED');
  assert.equal((await server.ended(ignores)).state, 'CANCELLED');
});

test('a flood of lines is limited, and the last counters are right', { skip }, async t => {
  const server = await serving(t);
  const jobId = await server.launch(oddSpec('1', {}), { mode: 'floods' });
  const { state, result } = await server.ended(jobId);
  assert.equal(state, 'DONE');
  assert.equal(result?.elements.read, 50_000);
  assert.deepEqual(server.counted(jobId), { lines: 50_000 });
  const messages = server.messages(jobId);
  assert.ok(messages.length < 2000, `${messages.length} messages`);
  assert.ok(messages.some(text => /more messages were left out/.test(text)));
});
