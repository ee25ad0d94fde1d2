/** What a team does with jobs, in the words of Dataflow's API: every client must get through it. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFiles } from './server.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into as each client gives them
export type Answer = any;

/** What a client says when it is refused. */
export interface Refusal {
  /** The HTTP status, or the code of gRPC. */
  code: number;
  message: string;
  /** The types of the details, without their prefix, in their order. */
  details: string[];
}

/** The calls of the API, as one client makes them; each gives what that client gives. */
export interface Client {
  launchFlex(launchParameter: object, validateOnly?: boolean): Promise<Answer>;
  launchClassic(gcsPath: string, body: object, validateOnly?: boolean): Promise<Answer>;
  createFromTemplate(body: object): Promise<Answer>;
  getTemplate(gcsPath: string): Promise<Answer>;
  /** One page. */
  list(query: object): Promise<Answer>;
  /** One page of all locations. */
  aggregated(query: object): Promise<Answer>;
  get(jobId: string, view?: string): Promise<Answer>;
  requestState(jobId: string, state: string): Promise<Answer>;
  messages(jobId: string, query?: object): Promise<Answer>;
  metrics(jobId: string): Promise<Answer>;
  executionDetails(jobId: string): Promise<Answer>;
  stageDetails(jobId: string, stageId: string): Promise<Answer>;
  refusal(error: unknown): Refusal;
  /** Codes of refusals: HTTP's or gRPC's. */
  codes: { invalid: number; missing: number; taken: number; refused: number; unimplemented: number };
  snapshot(jobId: string): Promise<Answer>;
}

export interface Place {
  /** The folder of the server's buckets. */
  buckets: string;
}

const FLEX = 'gs://dataflow-templates-us-central1/latest/flex/GCS_Text_to_GCS_Text';
const OPERATED = ['JOB_STATE_QUEUED', 'JOB_STATE_PENDING', 'JOB_STATE_RUNNING'];

/** Launches a batch job in each way, and looks at all there is to see of one that is done. */
export async function batch(client: Client, { buckets }: Place): Promise<void> {
  const lines = ['ada', 'grace', 'edsger'];
  await makeFiles(buckets, { 'in/names/a.txt': `${lines.join('\n')}\n` });
  const parametersTo = (folder: string) => ({
    inputFilePattern: 'gs://bucket/in/names/*.txt',
    outputDirectory: `gs://bucket/${folder}/`,
  });
  const parameters = parametersTo('flex');
  const environment = { additionalUserLabels: { team: 'one' }, maxWorkers: 3, network: 'default' };
  const launch = { jobName: 'flex', containerSpecGcsPath: FLEX, parameters, environment };

  const dry = await client.launchFlex(launch, true);
  assert.ok(!dry.job, 'a dry run gives no job');
  assert.deepEqual((await client.list({})).jobs ?? [], []);

  const { job } = await client.launchFlex(launch);
  assert.match(job.id, /^\d{4}(-\d\d){2}(_\d\d){3}-\d{1,20}$/);
  assert.ok(OPERATED.includes(job.currentState), job.currentState);
  assert.equal(job.type, 'JOB_TYPE_BATCH');
  const done = await ended(client, job.id, 'JOB_STATE_DONE');
  assert.deepEqual(await linesIn(join(buckets, 'bucket/flex')), lines.toSorted());
  assert.equal(done.labels.team, 'one');
  assert.equal(done.labels['goog-dataflow-provided-template-name'], 'gcs_text_to_gcs_text');
  assert.equal(done.location, 'us-central1');

  const all = await client.get(job.id, 'JOB_VIEW_ALL');
  assert.deepEqual(
    all.steps.map((step: Answer) => [step.kind, step.name]),
    [
      ['ParallelRead', 's1'],
      ['ParallelWrite', 's2'],
      ['ParallelDo', 's3'],
      ['ParallelWrite', 's4'],
    ],
  );
  const [pool] = all.environment.workerPools;
  assert.equal(pool.numWorkers, 1);
  assert.equal(pool.network, 'default');
  assert.equal(pool.autoscalingSettings.maxNumWorkers, 3);
  assert.deepEqual(
    all.stageStates.map((each: Answer) => each.executionStageState),
    Array(4).fill('JOB_STATE_DONE'),
  );
  assert.equal(all.pipelineDescription.originalPipelineTransform[0].kind, 'READ_KIND');

  await checkMessages(client, job.id);
  await checkMetrics(client, job.id);
  await checkDetails(client, job.id);

  const classic = await client.launchClassic('gs://any-bucket/templates/GCS_Text_to_GCS_Text', {
    jobName: 'classic',
    parameters: parametersTo('classic'),
  });
  await ended(client, classic.job.id, 'JOB_STATE_DONE');
  assert.deepEqual(await linesIn(join(buckets, 'bucket/classic')), lines.toSorted());
  const created = await client.createFromTemplate({
    jobName: 'created',
    gcsPath: 'GCS_Text_to_GCS_Text',
    parameters: parametersTo('created'),
  });
  await ended(client, created.id, 'JOB_STATE_DONE');
}

async function checkMessages(client: Client, jobId: string): Promise<void> {
  const { jobMessages } = await client.messages(jobId);
  assert.ok(jobMessages.length >= 2);
  assert.match(jobMessages.at(-1).messageText, /read 3, written 3/);
  assert.equal(jobMessages.at(-1).messageImportance, 'JOB_MESSAGE_BASIC');
  const first = await client.messages(jobId, { pageSize: 1 });
  assert.equal(first.jobMessages.length, 1);
  const second = await client.messages(jobId, { pageSize: 1, pageToken: first.nextPageToken });
  assert.equal(second.jobMessages[0].id, jobMessages[1].id);
  // A warning weighs more than a message, though its number is smaller.
  const weighty = await client.messages(jobId, { minimumImportance: 'JOB_MESSAGE_WARNING' });
  assert.deepEqual(weighty.jobMessages ?? [], []);
  const basic = await client.messages(jobId, { minimumImportance: 'JOB_MESSAGE_BASIC' });
  assert.equal(basic.jobMessages.length, jobMessages.length);
}

async function checkMetrics(client: Client, jobId: string): Promise<void> {
  const { metrics } = await client.metrics(jobId);
  const find = (name: string, context: Record<string, string> = {}) =>
    metrics.find(
      (each: Answer) =>
        each.name.name === name &&
        !each.name.context?.tentative &&
        Object.entries(context).every(([key, value]) => each.name.context?.[key] === value),
    )?.scalar;
  assert.equal(numberOf(find('elements_read')), 3);
  assert.equal(numberOf(find('elements_written')), 3);
  assert.equal(numberOf(find('ElementCount', { output_user_name: 'Read-out0' })), 3);
}

/** A value of protobuf is told as itself over REST. */
const numberOf = (value: Answer): unknown => value?.numberValue ?? value;

async function checkDetails(client: Client, jobId: string): Promise<void> {
  const { stages } = await client.executionDetails(jobId);
  assert.deepEqual(
    stages.map((each: Answer) => [each.stageId, each.state, each.progress.currentProgress]),
    ['F1', 'F2', 'F3', 'F4'].map(stage => [stage, 'EXECUTION_STATE_SUCCEEDED', 1]),
  );
  const { workers } = await client.stageDetails(jobId, 'F1');
  assert.equal(workers[0].workerName, `${jobId}-0`);
  assert.equal(workers[0].workItems[0].state, 'EXECUTION_STATE_SUCCEEDED');
}

/** What is wrong with a request is told by name, and nothing is launched. */
export async function refusals(client: Client): Promise<void> {
  const { codes } = client;
  const given = { jobName: 'wrong', containerSpecGcsPath: FLEX };
  for (const validateOnly of [false, true]) {
    const parameters = { inputFilePatern: 'gs://bucket/x', outputDirectory: 'ftp://nowhere' };
    const { code, message, details } = await refused(
      client,
      client.launchFlex({ ...given, parameters }, validateOnly),
    );
    assert.equal(code, codes.invalid);
    assert.match(message, /^The template parameters are invalid\. Details: \n/);
    for (const name of ['inputFilePatern', 'outputDirectory', 'inputFilePattern'])
      assert.match(message, new RegExp(`^${name}: `, 'm'));
    assert.deepEqual(details.slice(0, 2), [
      'google.dataflow.v1beta3.InvalidTemplateParameters',
      'google.rpc.BadRequest',
    ]);
  }
  const absent = await refused(client, client.getTemplate('gs://bucket/no/such/template'));
  assert.equal(absent.code, codes.missing);
  assert.equal(absent.message, 'Unable to open template file: gs://bucket/no/such/template');
  const badName = await refused(client, client.launchFlex({ ...given, jobName: 'Capital' }));
  assert.equal(badName.code, codes.invalid);
  assert.match(badName.message, /jobName must match the pattern/);
  const unknown = await refused(client, client.get('2026-01-01_00_00_00-1'));
  assert.equal(unknown.code, codes.missing);
  assert.equal(
    unknown.message,
    'Information about job 2026-01-01_00_00_00-1 could not be found in our system.',
  );
  const update = await refused(
    client,
    client.launchFlex({ ...given, jobName: 'nobody', update: true, parameters: copying }),
  );
  assert.equal(update.code, codes.missing);
  assert.match(update.message, /in RUNNING OR DRAINING state/);
  assert.equal((await refused(client, client.snapshot('2026-01-01_00_00_00-1'))).code, codes.unimplemented);
  assert.deepEqual((await client.list({})).jobs ?? [], []);
}

const copying = { inputFilePattern: 'gs://bucket/in/*.txt', outputDirectory: 'gs://bucket/out/' };

/** A template tells what it takes. */
export async function metadata(client: Client): Promise<void> {
  const {
    templateType,
    metadata: told,
    runtimeMetadata,
  } = await client.getTemplate('gs://dataflow-templates/latest/flex/Cloud_PubSub_to_GCS_Text_Flex');
  assert.equal(templateType, 'FLEX');
  assert.equal(told.name, 'Pub/Sub to text files');
  assert.equal(told.streaming, true);
  assert.equal(runtimeMetadata.sdkInfo.language, 'YAML');
  const byName = new Map<string, Answer>(told.parameters.map((each: Answer) => [each.name, each]));
  const output = byName.get('outputDirectory');
  assert.equal(output.paramType, 'GCS_WRITE_FOLDER');
  assert.ok(!output.isOptional);
  assert.equal(byName.get('inputTopic').paramType, 'PUBSUB_TOPIC');
  assert.equal(byName.get('inputTopic').isOptional, true);
  assert.equal(byName.get('outputFilenamePrefix').defaultValue, 'output');
}

const STREAM = 'gs://bucket/templates/Streaming_Data_Generator';

const generating = (folder: string) => ({
  qps: '50',
  schemaTemplate: 'GAME_EVENT',
  sinkType: 'GCS',
  outputDirectory: `gs://bucket/${folder}/`,
  windowDuration: '1s',
});

/** A stream runs until it is drained, replaced or cancelled; of its name there is one. */
export async function streams(client: Client): Promise<void> {
  const { codes } = client;
  const launch = (jobName: string, more: object = {}) =>
    client.launchFlex({
      jobName,
      containerSpecGcsPath: STREAM,
      parameters: generating(jobName),
      ...more,
    });
  // Where there is no job of the name yet, this makes one …
  const environment = { additionalExperiments: ['create_or_update_job'] };
  const first = (await launch('stream', { environment })).job;
  const other = (await launch('other')).job;
  assert.equal(first.type, 'JOB_TYPE_STREAMING');
  await reached(client, first.id, ['JOB_STATE_RUNNING']);
  const taken = await refused(client, launch('stream'));
  assert.equal(taken.code, codes.taken);
  assert.equal(taken.message, 'There is already an active job named stream.');
  const named = await client.list({ name: 'stream', filter: 'ACTIVE' });
  assert.deepEqual(
    named.jobs.map((each: Answer) => each.id),
    [first.id],
  );

  const second = (await launch('stream', { update: true })).job;
  assert.equal(second.replaceJobId, first.id);
  const updated = await ended(client, first.id, 'JOB_STATE_UPDATED');
  assert.equal(updated.replacedByJobId, second.id);
  await reached(client, second.id, ['JOB_STATE_RUNNING']);
  // … and here it updates.
  const third = (await launch('stream', { environment })).job;
  assert.equal(third.replaceJobId, second.id);
  await ended(client, second.id, 'JOB_STATE_UPDATED');
  await reached(client, third.id, ['JOB_STATE_RUNNING']);

  await client.requestState(third.id, 'JOB_STATE_DRAINED');
  await client.requestState(third.id, 'JOB_STATE_DRAINING');
  await ended(client, third.id, 'JOB_STATE_DRAINED');
  await reached(client, other.id, ['JOB_STATE_RUNNING']);
  const cancelling = await client.requestState(other.id, 'JOB_STATE_CANCELLED');
  assert.ok(['JOB_STATE_CANCELLING', 'JOB_STATE_CANCELLED'].includes(cancelling.currentState));
  const cancelled = await ended(client, other.id, 'JOB_STATE_CANCELLED');
  assert.ok(cancelled.labels['goog-dataflow-provided-template-type'], 'a cancel wipes no labels');
  const late = await refused(client, client.requestState(other.id, 'JOB_STATE_CANCELLED'));
  assert.equal(late.code, codes.refused);
  assert.match(late.message, /has terminated/);
}

/** Listings come in pages, active jobs first; an aggregated one has all locations. */
export async function listings(client: Client, names: readonly string[]): Promise<void> {
  const seen: string[] = [];
  let pageToken: string | undefined;
  do {
    const page: Answer = await client.aggregated({ pageSize: 2, pageToken });
    assert.ok(page.jobs.length <= 2);
    seen.push(...page.jobs.map((job: Answer) => job.name));
    pageToken = page.nextPageToken || undefined;
  } while (pageToken);
  assert.deepEqual(seen.toSorted(), names.toSorted());
  const active = await client.aggregated({ filter: 'ACTIVE' });
  assert.deepEqual(active.jobs ?? [], []);
  const terminated = await client.list({ filter: 'TERMINATED' });
  assert.equal(terminated.jobs.length, names.length);
}

async function refused(client: Client, call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    return client.refusal(error);
  }
  return assert.fail('it was not refused');
}

/** The job, once it is in one of these states. */
export async function reached(client: Client, jobId: string, states: readonly string[]): Promise<Answer> {
  const endMs = Date.now() + 60_000;
  while (true) {
    const job = await client.get(jobId);
    if (states.includes(job.currentState)) return job;
    const isOver = ENDS.includes(job.currentState) || Date.now() > endMs;
    if (isOver) {
      const { jobMessages } = await client.messages(jobId);
      assert.fail(`${job.name} is ${job.currentState}: ${JSON.stringify(jobMessages)}`);
    }
    await sleep(50);
  }
}

const ENDS = ['DONE', 'FAILED', 'CANCELLED', 'DRAINED', 'UPDATED'].map(state => `JOB_STATE_${state}`);

const ended = (client: Client, jobId: string, state: string): Promise<Answer> =>
  reached(client, jobId, [state]);

async function linesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(name => !name.startsWith('.'));
  const texts = await Promise.all(
    names.filter(name => name.includes('.')).map(name => readFile(join(folder, name), 'utf8')),
  );
  return texts
    .flatMap(text => text.split('\n'))
    .filter(line => line !== '')
    .toSorted();
}

/** The whole of it, a step after the other. */
export async function everything(t: TestContext, client: Client, place: Place): Promise<void> {
  await t.test('a template tells what it takes', () => metadata(client));
  await t.test('what is wrong is told by name', () => refusals(client));
  await t.test('a batch job runs, and can be looked at', () => batch(client, place));
  await t.test('a stream is drained, replaced, cancelled', () => streams(client));
  await t.test('jobs are listed in pages', () =>
    listings(client, ['flex', 'classic', 'created', 'stream', 'stream', 'stream', 'other']),
  );
}
