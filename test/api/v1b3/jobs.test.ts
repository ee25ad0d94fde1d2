import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Severity } from '../../../src/worker/protocol.ts';
import { startServer, type TestServer } from '../../helpers/server.ts';

const PROJECT = '/v1b3/projects/my-proj';
const JOBS = `${PROJECT}/locations/us-central1/jobs`;

/** Takes a job in, which the test moves as it likes; gives its id. */
async function launch(server: TestServer, jobName: string, template = 'batch', location = 'us-central1') {
  const templates: Record<string, [string, object]> = {
    batch: [
      'GCS_Text_to_GCS_Text',
      { inputFilePattern: 'gs://bucket/*', outputDirectory: 'gs://bucket/out' },
    ],
    stream: [
      'Streaming_Data_Generator',
      { qps: '1', schemaTemplate: 'GAME_EVENT', sinkType: 'GCS', outputDirectory: 'gs://bucket/out' },
    ],
  };
  const [gcsPath, parameters] = templates[template] ?? [];
  const { body } = await server.post(`${PROJECT}/locations/${location}/templates`, {
    jobName,
    gcsPath,
    parameters,
  });
  return String(body.id);
}

const namesOf = ({ body }: { body: { jobs: { name: string }[] } }) => body.jobs.map(({ name }) => name);

test('jobs are listed by location, name and state, in pages, the active ones first', async t => {
  const server = await startServer(t);
  const { jobs } = server.service.store;
  for (const name of ['a', 'b', 'c']) jobs.move(await launch(server, name), 'CANCELLED');
  await launch(server, 'd');
  await launch(server, 'e', 'batch', 'europe-west1');
  await launch(server, 'a');
  assert.deepEqual(namesOf(await server.get(JOBS)), ['a', 'd', 'c', 'b', 'a']);
  assert.deepEqual(namesOf(await server.get(`${PROJECT}/jobs`)), ['a', 'd', 'c', 'b', 'a']);
  assert.deepEqual(namesOf(await server.get(`${PROJECT}/jobs?location=europe-west1`)), ['e']);
  assert.deepEqual(namesOf(await server.get(`${PROJECT}/jobs:aggregated?filter=ACTIVE`)), ['a', 'e', 'd']);
  assert.deepEqual(namesOf(await server.get(`${PROJECT}/jobs%3Aaggregated?filter=3`)), ['a', 'e', 'd']);
  assert.deepEqual(namesOf(await server.get(`${JOBS}?filter=2&alt=json`)), ['c', 'b', 'a']);
  assert.deepEqual(namesOf(await server.get(`${JOBS}?name=a&filter=ALL`)), ['a', 'a']);
  assert.deepEqual(namesOf(await server.get('/v1b3/projects/other/jobs:aggregated')), []);
  const seen: string[] = [];
  for (let token = ''; ; ) {
    const { body } = await server.get(`${PROJECT}/jobs:aggregated?pageSize=4&pageToken=${token}`);
    seen.push(...namesOf({ body }));
    if (!body.nextPageToken) break;
    token = body.nextPageToken;
  }
  assert.deepEqual(seen, ['a', 'e', 'd', 'c', 'b', 'a']);
  for (const query of ['pageToken=nonsense', 'pageSize=-1', 'filter=SOME'])
    assert.equal((await server.get(`${JOBS}?${query}`)).status, 400, query);
});

test('a job is of its project and location, and of no other', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  for (const path of [`${JOBS}/${id}`, `${PROJECT}/jobs/${id}`, `${PROJECT}/jobs/${id}?location=us-central1`])
    assert.equal((await server.get(path)).body.id, id, path);
  for (const path of [
    `${PROJECT}/locations/europe-west1/jobs/${id}`,
    `/v1b3/projects/other/jobs/${id}`,
    `${PROJECT}/jobs/${id}?location=europe-west1`,
    `${JOBS}/${id}0`,
  ])
    assert.equal((await server.get(path)).status, 404, path);
});

test('each state has the name that clients know', async t => {
  const server = await startServer(t);
  const { jobs } = server.service.store;
  const id = await launch(server, 'a', 'stream');
  const state = async () => (await server.get(`${JOBS}/${id}`)).body.currentState;
  assert.equal(await state(), 'JOB_STATE_QUEUED');
  for (const next of ['PENDING', 'RUNNING', 'DRAINING', 'DRAINED'] as const) {
    jobs.move(id, next);
    assert.equal(await state(), `JOB_STATE_${next}`);
  }
});

test('a cancel asks for nothing else: labels and mapping stay', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const { jobs } = server.service.store;
  jobs.move(id, 'PENDING');
  jobs.move(id, 'RUNNING');
  const put = (body: object) => server.put(`${JOBS}/${id}`, body);
  const before = (await server.get(`${JOBS}/${id}`)).body.labels;
  const { body } = await put({ labels: {}, transformNameMapping: {}, requestedState: 5 });
  assert.equal(body.currentState, 'JOB_STATE_CANCELLING');
  assert.equal(body.requestedState, 'JOB_STATE_CANCELLED');
  assert.deepEqual(body.labels, before);
  const forced = await put({ labels: { force_cancel_job: 'true' }, requestedState: 'JOB_STATE_CANCELLED' });
  assert.equal(forced.status, 200);
  assert.deepEqual(forced.body.labels, before);
});

test('a stream is drained by either name, and a batch job by none', async t => {
  const server = await startServer(t);
  const { jobs } = server.service.store;
  for (const [requestedState, name] of [
    ['JOB_STATE_DRAINED', 'a'],
    ['JOB_STATE_DRAINING', 'b'],
    ['JOB_STATE_DONE', 'c'],
  ] as const) {
    const id = await launch(server, name, 'stream');
    jobs.move(id, 'PENDING');
    jobs.move(id, 'RUNNING');
    const { body } = await server.put(`${JOBS}/${id}`, { requestedState });
    assert.equal(body.currentState, 'JOB_STATE_DRAINING');
  }
});

test('what cannot be asked of a job is refused', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const put = async (requestedState: unknown) => {
    const { status, body } = await server.put(`${JOBS}/${id}`, { requestedState });
    return [status, body.error?.status];
  };
  assert.deepEqual(await put('JOB_STATE_PAUSING'), [501, 'UNIMPLEMENTED']);
  assert.deepEqual(await put('JOB_STATE_FAILED'), [400, 'INVALID_ARGUMENT']);
  assert.deepEqual(await put('NONSENSE'), [400, 'INVALID_ARGUMENT']);
  assert.deepEqual(await put(77), [400, 'INVALID_ARGUMENT']);
  assert.deepEqual(await put({}), [400, 'INVALID_ARGUMENT']);
  assert.deepEqual(await put('JOB_STATE_RUNNING'), [200, undefined]);
  assert.deepEqual(await put(''), [200, undefined]);
  server.service.store.jobs.move(id, 'CANCELLED');
  assert.deepEqual(await put('JOB_STATE_RUNNING'), [400, 'FAILED_PRECONDITION']);
});

test('what may change while a job runs is kept and given back, as a mask says', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const put = (body: object, query = '') => server.put(`${JOBS}/${id}${query}`, body);
  const runtime = { maxNumWorkers: 5, minNumWorkers: 2 };
  assert.deepEqual((await put({ runtimeUpdatableParams: runtime })).body.runtimeUpdatableParams, runtime);
  const masked = await put(
    { runtimeUpdatableParams: { maxNumWorkers: '7', minNumWorkers: 9 } },
    '?updateMask=runtime_updatable_params.max_num_workers',
  );
  assert.deepEqual(masked.body.runtimeUpdatableParams, { maxNumWorkers: 7, minNumWorkers: 2 });
  const other = await put({ requestedState: 5, labels: { a: 'b' } }, '?updateMask=runtimeUpdatableParams.x');
  assert.equal(other.body.currentState, 'JOB_STATE_QUEUED');
  assert.equal(other.body.labels.a, undefined);
  const cleared = await put({}, '?updateMask=runtimeUpdatableParams.minNumWorkers');
  assert.deepEqual(cleared.body.runtimeUpdatableParams, { maxNumWorkers: 7 });
  server.service.store.jobs.move(id, 'CANCELLED');
  const late = await put({ runtimeUpdatableParams: runtime });
  assert.equal(late.status, 400);
  assert.match(late.body.error.message, /has terminated/);
  const archived = await put(
    { jobMetadata: { userDisplayProperties: { archived: 'true' } } },
    '?updateMask=job_metadata.user_display_properties.archived',
  );
  assert.deepEqual(archived.body.jobMetadata.userDisplayProperties, { archived: 'true' });
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`p${i}`, 'x']));
  for (const properties of [many, { a: 'x'.repeat(2000) }])
    assert.equal((await put({ jobMetadata: { userDisplayProperties: properties } })).status, 400);
});

test('messages are chosen by their weight and time, in pages', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const severities: Severity[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR'];
  server.service.store.messages.add(
    severities.map((severity, i) => ({
      jobId: id,
      time: 1000 * (i + 1),
      severity,
      text: severity,
      stage: 'Read',
    })),
  );
  const told = async (query = '') => {
    const { body } = await server.get(`${JOBS}/${id}/messages?${query}`);
    return body.jobMessages.map((each: { messageText: string }) => each.messageText.replace('Read: ', ''));
  };
  assert.deepEqual(await told(), severities);
  for (const [minimum, count] of [
    ['JOB_MESSAGE_DEBUG', 4],
    ['2', 3],
    ['5', 3],
    ['3', 2],
    ['JOB_MESSAGE_ERROR', 1],
    ['0', 4],
  ] as const)
    assert.deepEqual(await told(`minimumImportance=${minimum}`), severities.slice(4 - count), minimum);
  assert.deepEqual(await told('startTime=1970-01-01T00:00:02Z&endTime=1970-01-01T00:00:04.000Z'), [
    'INFO',
    'WARNING',
  ]);
  const { body } = await server.get(`${JOBS}/${id}/messages?pageSize=3&minimumImportance=1`);
  assert.deepEqual(await told(`pageSize=3&pageToken=${body.nextPageToken}`), ['ERROR']);
  assert.deepEqual(body.jobMessages[0], {
    id: '1',
    time: '1970-01-01T00:00:01.000Z',
    messageText: 'Read: DEBUG',
    messageImportance: 'JOB_MESSAGE_DEBUG',
  });
  for (const query of ['startTime=yesterday', 'minimumImportance=LOUD', 'pageToken=x'])
    assert.equal((await server.get(`${JOBS}/${id}/messages?${query}`)).status, 400, query);
});

test('metrics are those that the workers told last, committed and tentative', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a', 'stream');
  const { jobs, progress } = server.service.store;
  assert.deepEqual((await server.get(`${JOBS}/${id}/metrics`)).body.metrics, []);
  const zero = {
    in: 0,
    out: 0,
    named: {},
    filtered: 0,
    failed: 0,
    created: 0,
    merged: 0,
    late: 0,
    bytesIn: 0,
    bytesOut: 0,
    errors: {},
  };
  const { body: job } = await server.get(`${JOBS}/${id}?view=JOB_VIEW_ALL`);
  const [read] = job.steps.map((step: { properties: { user_name: string } }) => step.properties.user_name);
  progress.save(id, {
    time: 10_000,
    watermark: 4000,
    counters: { [read]: { ...zero, out: 10, bytesOut: 55, failed: 2, errors: { UDF_THREW: 2 } } },
  });
  jobs.move(id, 'PENDING');
  jobs.move(id, 'RUNNING');
  const { body } = await server.get(`${JOBS}/${id}/metrics`);
  const find = (name: string, tentative = false) =>
    body.metrics.find(
      (each: { name: { name: string; context?: Record<string, string> } }) =>
        each.name.name === name && Boolean(each.name.context?.tentative) === tentative,
    );
  assert.equal(body.metricTime, '1970-01-01T00:00:10.000Z');
  assert.equal(find('elements_read').scalar, 10);
  assert.equal(find('elements_read', true).scalar, 10);
  assert.equal(find('DataWatermarkAge').scalar, 6);
  assert.equal(find('MeanByteCount').scalar, 6);
  assert.equal(find('errors_UDF_THREW').scalar, 2);
  const later = await server.get(`${JOBS}/${id}/metrics?startTime=1970-01-01T00:00:11Z`);
  assert.deepEqual(later.body.metrics, []);
});

test('stages are listed in pages, and a stage by its id or its name', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const first = await server.get(`${JOBS}/${id}/executionDetails?pageSize=3`);
  assert.deepEqual(
    first.body.stages.map((each: { stageId: string; state: string }) => [each.stageId, each.state]),
    ['F1', 'F2', 'F3'].map(stage => [stage, 'EXECUTION_STATE_NOT_STARTED']),
  );
  const { body } = await server.get(`${JOBS}/${id}/executionDetails?pageToken=${first.body.nextPageToken}`);
  assert.equal(body.stages[0].stageId, 'F4');
  assert.equal(body.nextPageToken, undefined);
  for (const stage of ['F1', 'Read']) {
    const { body: details } = await server.get(`${JOBS}/${id}/stages/${stage}/executionDetails`);
    assert.equal(details.workers[0].workItems[0].taskId, 'F1-0');
  }
  assert.equal((await server.get(`${JOBS}/${id}/stages/F99/executionDetails`)).status, 404);
  assert.equal((await server.get(`${JOBS}/${id}/executionDetails?pageToken=x`)).status, 400);
});

test('a job whose files are gone is shown without its steps', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const { rm } = await import('node:fs/promises');
  await rm(`${server.home}/jobs/${id}`, { recursive: true });
  const { status, body } = await server.get(`${JOBS}/${id}?view=2`);
  assert.equal(status, 200);
  assert.equal(body.steps, undefined);
  assert.deepEqual((await server.get(`${JOBS}/${id}/executionDetails`)).body.stages, []);
});

test('Terraform finds what it reads, in every view of a job', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  for (const view of ['', '?view=JOB_VIEW_SUMMARY', '?view=JOB_VIEW_ALL']) {
    const { body } = await server.get(`${JOBS}/${id}${view}`);
    const [pool] = body.environment.workerPools;
    assert.equal(pool.autoscalingSettings.maxNumWorkers, 1);
    const { options } = body.environment.sdkPipelineOptions;
    assert.equal(options.templateLocation, 'GCS_Text_to_GCS_Text');
    assert.equal(options.inputFilePattern, 'gs://bucket/*');
    assert.ok(body.name && body.type && body.currentState);
  }
});

test('what is not served says so', async t => {
  const server = await startServer(t);
  const id = await launch(server, 'a');
  const job = await server.post(JOBS, { name: 'b', steps: [] });
  assert.equal(job.status, 501);
  assert.match(job.body.error.message, /flexTemplates:launch/);
  const snapshot = await server.post(`${JOBS}/${id}:snapshot`, { ttl: '604800s' });
  assert.equal(snapshot.status, 501);
  for (const path of [
    `${JOBS}/${id}/snapshots`,
    `${PROJECT}/snapshots`,
    `${PROJECT}/locations/l/snapshots/s`,
  ])
    assert.equal((await server.get(path)).status, 501, path);
});

test('project and location are names', async t => {
  const server = await startServer(t);
  for (const path of [
    '/v1b3/projects/-/jobs:aggregated',
    '/v1b3/projects/a%20b/jobs:aggregated',
    '/v1b3/projects/p/locations/a_b/jobs',
    '/v1b3/projects/p/jobs?location=a%2Fb',
  ])
    assert.equal((await server.get(path)).status, 400, path);
});
