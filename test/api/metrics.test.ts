import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyCounters } from '../../src/engine/counters.ts';
import { prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

async function launch({ service, config }: TestServer, name: string): Promise<string> {
  const prepared = await prepareJob(config, {
    templateId: 'GCS_Text_to_GCS_Text',
    parameters: { inputFilePattern: 'gs://bucket/in/*', outputDirectory: 'gs://bucket/out/' },
  });
  const record = newRecord(prepared, { name, launchedBy: 'local', owner: 'service' });
  return (await service.supervisor.launch(prepared.job, record)).id;
}

/** The value of a series, written as Prometheus writes it; undefined when there is none. */
async function figureOf({ get }: TestServer, series: string): Promise<number | undefined> {
  const { text } = await get('/metrics');
  const line = text.split('\n').find(each => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('jobs are counted by state, and those that end by template', async t => {
  const server = await startServer(t);
  const [first] = [await launch(server, 'one'), await launch(server, 'two')];
  assert.equal(await figureOf(server, 'sluice_jobs{state="QUEUED"}'), 2);
  assert.equal(await figureOf(server, 'sluice_jobs{state="RUNNING"}'), 0);
  await server.service.supervisor.stop(first, 'CANCELLED');
  assert.equal(await figureOf(server, 'sluice_jobs{state="QUEUED"}'), 1);
  assert.equal(
    await figureOf(server, 'sluice_jobs_ended_total{template="GCS_Text_to_GCS_Text",state="CANCELLED"}'),
    1,
  );
});

test('an active job has its elements, bytes, dead letters and lag; one that has ended has none', async t => {
  const server = await startServer(t);
  const { jobs, progress } = server.service.store;
  const id = await launch(server, 'one');
  const Read = { ...emptyCounters(), out: 10, bytesOut: 1000 };
  const Udf = {
    ...emptyCounters(),
    in: 10,
    out: 6,
    filtered: 1,
    failed: 3,
    errors: { UDF_THREW: 2, UDF_TIMEOUT: 1 },
  };
  progress.save(id, { time: Date.now(), counters: { Read, Udf }, watermark: Date.now() - 60_000 });
  const labels = `job="${id}",template="GCS_Text_to_GCS_Text"`;
  const of = (series: string) => figureOf(server, series);
  assert.equal(await of(`sluice_job_elements{${labels},stage="Read",outcome="out"}`), 10);
  assert.equal(await of(`sluice_job_elements{${labels},stage="Udf",outcome="failed"}`), 3);
  assert.equal(await of(`sluice_job_bytes{${labels},stage="Read",direction="out"}`), 1000);
  assert.equal(await of(`sluice_job_dead_letters{${labels},code="UDF_THREW"}`), 2);
  // Asked again it is the same, not the sum.
  assert.equal(await of(`sluice_job_dead_letters{${labels},code="UDF_THREW"}`), 2);
  const lag = (await of(`sluice_job_watermark_lag_seconds{${labels}}`)) ?? 0;
  assert.ok(lag >= 60 && lag < 120, String(lag));
  jobs.move(id, 'CANCELLING');
  jobs.move(id, 'CANCELLED');
  assert.equal((await server.get('/metrics')).text.includes(id), false);
});

test('requests are measured by operation and status, the process by what it uses', async t => {
  const server = await startServer(t);
  await server.get('/api/audit');
  await server.get('/api/audit?pageSize=0');
  await server.get('/api/audit?pageSize=0');
  const counted = (status: number) =>
    figureOf(server, `sluice_request_seconds_count{operation="listAudit",status="${status}"}`);
  assert.equal(await counted(200), 1);
  assert.equal(await counted(400), 2);
  assert.ok(((await figureOf(server, 'process_resident_memory_bytes')) ?? 0) > 1e7);
  const { headers } = await server.get('/metrics');
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
});

test('it is ready as long as the store can be written', async t => {
  const server = await startServer(t);
  await launch(server, 'one');
  const ready = await server.get('/readyz');
  assert.deepEqual([ready.status, ready.body], [200, { status: 'ok', jobs: { queued: 1, running: 0 } }]);
  server.service.store.database.exec('PRAGMA query_only = 1');
  const refused = await server.get('/readyz');
  assert.equal(refused.status, 503);
  assert.equal(refused.body.error.status, 'UNAVAILABLE');
  assert.match(refused.body.error.message, /store cannot be written/);
  assert.equal((await server.get('/healthz')).status, 200);
});
