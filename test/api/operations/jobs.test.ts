import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareJob } from '../../../src/launch/prepare.ts';
import { newRecord } from '../../../src/launch/record.ts';
import type { JobRecord } from '../../../src/store/record.ts';
import { sluice } from '../../helpers/cli.ts';
import { startServer } from '../../helpers/server.ts';
import { listen } from '../../helpers/sse.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

function recordOf(id: string, more: Partial<JobRecord> = {}): JobRecord {
  const job = { id, createTime: '', streaming: false, workers: 1, pipeline: {} };
  return { ...newRecord({ job }, { launchedBy: 'test', owner: 'service' }), ...more };
}

test('jobs are listed by page, status, name and template, the active ones first', async t => {
  const { get, service } = await startServer(t);
  const { jobs } = service.store;
  for (let i = 0; i < 7; i++)
    jobs.insert(recordOf(`job-${i}`, { name: `name-${i}`, templateId: i % 2 === 0 ? 'Even' : 'Odd' }));
  for (const id of ['job-0', 'job-1']) jobs.move(id, 'CANCELLED');
  const idsOf = async (query: string): Promise<string[]> => {
    const { status, body, text } = await get(`/api/jobs${query}`);
    assert.equal(status, 200, text);
    return body.jobs.map(({ id }: { id: string }) => id);
  };
  assert.equal((await idsOf('')).length, 7);
  assert.deepEqual((await idsOf('?status=ended')).sort(), ['job-0', 'job-1']);
  assert.equal((await idsOf('?status=active')).length, 5);
  assert.deepEqual((await idsOf('?status=all')).slice(5).sort(), ['job-0', 'job-1']);
  assert.deepEqual(await idsOf('?name=name-3'), ['job-3']);
  assert.deepEqual((await idsOf('?template=Even')).sort(), ['job-0', 'job-2', 'job-4', 'job-6']);
  const seen: string[] = [];
  for (let token = ''; ; ) {
    const { body } = await get(`/api/jobs?pageSize=3&template=Odd&pageToken=${token}`);
    seen.push(...body.jobs.map(({ id }: { id: string }) => id));
    if (!body.nextPageToken) break;
    token = body.nextPageToken;
  }
  assert.deepEqual(seen.sort(), ['job-1', 'job-3', 'job-5']);
  for (const query of ['?status=none', '?pageSize=0', '?pageSize=501', '?pageSize=x', '?pageToken=garbage'])
    assert.equal((await get(`/api/jobs${query}`)).status, 400, query);
  assert.equal((await get('/api/jobs/absent')).status, 404);
});

test('a job is shown with its totals, counters and graph, one of the foreground too', async t => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  await writeFile(join(folder, 'in.txt'), 'one\ntwo\nbad\n');
  await writeFile(
    join(folder, 'f.js'),
    'function f(x) { if (x === "bad") throw new Error("no"); return x; }',
  );
  const parameters = {
    inputFilePattern: join(folder, 'in.txt'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'f.js'),
    javascriptTextTransformFunctionName: 'f',
  };
  const run = await sluice(
    ['run', 'GCS_Text_to_GCS_Text', '--parameters', JSON.stringify(parameters), '--json'],
    { home },
  );
  const summary = JSON.parse(run.stdout);
  const { get } = await startServer(t, { config: { home } });
  const { body: job } = await get(`/api/jobs/${summary.jobId}`);
  assert.partialDeepStrictEqual(job, {
    id: summary.jobId,
    owner: 'foreground',
    state: 'DONE',
    totals: { elements: { read: 3, written: 2, filtered: 0, deadLettered: 1 } },
    result: { errors: { UDF_THREW: 1 } },
    counters: { Udf: { in: 3, out: 2, failed: 1 } },
  });
  assert.equal('pid' in job, false);
  assert.ok(job.rates.elementsPerSecond > 0);
  const kinds = job.graph.nodes.map((node: { id: string; kind: string }) => [node.id, node.kind]);
  assert.ok(kinds.some(([id, kind]: string[]) => id === 'Read' && kind === 'source'));
  assert.ok(
    job.graph.edges.some(
      (edge: { from: string; output: string }) => edge.from === 'Udf' && edge.output === 'errors',
    ),
  );
  const { body: list } = await get('/api/jobs?template=GCS_Text_to_GCS_Text');
  assert.deepEqual(list.jobs[0].totals, job.totals);
});

test('the events of a job end with it: states, messages and the last word', async t => {
  const server = await startServer(t, { maxJobs: 2 });
  const { service, config, url, home } = server;
  const yaml_pipeline = JSON.stringify({
    pipeline: {
      type: 'chain',
      transforms: [
        { type: 'Create', config: { elements: ['one\n\nevent: end', 'two'] } },
        { type: 'LogForTesting' },
        { type: 'WriteToJson', config: { path: join(home, 'out/x') } },
      ],
    },
  });
  const prepared = await prepareJob(config, { templateId: 'Yaml_Template', parameters: { yaml_pipeline } });
  const all = await listen(`${url}/api/events`);
  const { id } = await service.supervisor.launch(
    prepared.job,
    newRecord(prepared, { launchedBy: 'test', owner: 'service' }),
  );
  const { events, ended } = await listen(`${url}/api/jobs/${id}/events`);
  await ended;
  const states = events.filter(({ type }) => type === 'state').map(({ data }) => (data as JobRecord).state);
  assert.equal(states.at(-1), 'DONE');
  assert.deepEqual(events.at(-1), { type: 'end', data: { jobId: id } });
  const texts = events
    .filter(({ type }) => type === 'message')
    .map(({ data }) => (data as { text: string }).text);
  assert.equal(texts.filter(text => text.includes('event: end')).length, 1);
  const ids = events.flatMap(event => event.id ?? []).map(Number);
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
  await all.until(({ type, data }) => type === 'state' && (data as JobRecord).state === 'DONE');
  assert.equal(all.events.filter(({ type }) => type === 'message').length, texts.length);
  all.leave();
  // Of an ended job everything is told once more.
  const again = await listen(`${url}/api/jobs/${id}/events`);
  await again.ended;
  assert.deepEqual(
    again.events.map(({ type }) => type).filter(type => type !== 'progress'),
    [...texts.map(() => 'message'), 'state', 'end'],
  );
});

test('who comes back with the last event misses no message and has none twice, after a restart too', async t => {
  const home = await temporaryFolder(t);
  const tell = (server: Awaited<ReturnType<typeof startServer>>, from: number, to: number) =>
    server.service.store.messages.add(
      Array.from({ length: to - from }, (_, i) => ({
        jobId: 'job-1',
        time: Date.now(),
        severity: 'INFO',
        text: `message ${from + i}`,
      })),
    );
  const first = await startServer(t, { config: { home } });
  first.service.store.jobs.insert(recordOf('job-1'));
  tell(first, 0, 500);
  const before = await listen(`${first.url}/api/jobs/job-1/events`);
  await before.until(({ data }) => (data as { text?: string }).text === 'message 499');
  await first.close();
  const last = before.events.findLast(({ id }) => id !== undefined)?.id;

  const second = await startServer(t, { config: { home } });
  tell(second, 500, 800);
  const after = await listen(`${second.url}/api/jobs/job-1/events`, last);
  tell(second, 800, 900);
  await after.until(({ data }) => (data as { text?: string }).text === 'message 899');
  const texts = [...before.events, ...after.events]
    .filter(({ type }) => type === 'message')
    .map(({ data }) => (data as { text: string }).text);
  assert.deepEqual(
    texts,
    Array.from({ length: 900 }, (_, i) => `message ${i}`),
  );
  after.leave();
  const wrong = await second.get('/api/jobs/job-1/events', { headers: { 'last-event-id': 'x' } });
  assert.equal(wrong.status, 400);
  assert.equal((await second.get('/api/jobs/absent/events')).status, 404);
});

test('what a job of the foreground notes is told as well', async t => {
  const { service, url } = await startServer(t);
  const { jobs, messages } = service.store;
  jobs.insert(recordOf('job-1', { owner: 'foreground', state: 'RUNNING' }));
  const { events, until, ended } = await listen(`${url}/api/jobs/job-1/events`);
  await until(({ type }) => type === 'state');
  messages.add([{ jobId: 'job-1', time: 1, severity: 'WARNING', text: 'mind the gap' }]);
  await until(({ type }) => type === 'message');
  jobs.move('job-1', 'DONE');
  await ended;
  assert.deepEqual(
    events.map(({ type, data }) => [type, (data as JobRecord).state]),
    [
      ['state', 'RUNNING'],
      ['message', undefined],
      ['state', 'DONE'],
      ['end', undefined],
    ],
  );
});
