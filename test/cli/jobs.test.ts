import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { listText } from '../../src/cli/jobs-list.ts';
import { metricsText, showText } from '../../src/cli/jobs-show.ts';
import type { ServedJob } from '../../src/cli/server-job.ts';
import { fit } from '../../src/cli/tables.ts';
import { emptyCounters } from '../../src/engine/counters.ts';
import { sluice } from '../helpers/cli.ts';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const GENERATE = ['launch', 'Streaming_Data_Generator', '--parameters'];
const endless = 'qps=500,schemaTemplate=GAME_EVENT,sinkType=GCS,outputDirectory=out,windowDuration=1s';

async function place(t: TestContext): Promise<{ folder: string; server: Served }> {
  const folder = await temporaryFolder(t);
  const options = { home: join(folder, 'home'), cwd: folder };
  return { folder, server: await serve(t, options, ['--root', folder]) };
}

/** Asks until the job is so. */
async function until(server: Served, name: string, isSo: (job: ServedJob) => boolean): Promise<ServedJob> {
  while (true) {
    const job = await server.json(['jobs', 'show', name]);
    if (isSo(job)) return job;
    await sleep(50);
  }
}

test('jobs of a server are looked after from the command line', { timeout: 180_000 }, async t => {
  const { server } = await place(t);
  const launch = (name: string) => server.json([...GENERATE, endless, '--job-name', name]);

  await t.test('an active job is found by its name, and drained: that is a good end', async () => {
    await launch('drained');
    const job = await until(server, 'drained', ({ totals }) => (totals?.elements.written ?? 0) > 0);
    assert.equal(job.state, 'RUNNING');
    const { stdout } = await server.sluice(['jobs', 'drain', 'drained']);
    assert.match(stdout, /^DRAIN(?:ING|ED) {2}job \S+\n$/);
    const waited = await server.sluice(['jobs', 'wait', job.id, '--json']);
    assert.equal(waited.status, 0, waited.stderr);
    const { state, elements, outputs } = JSON.parse(waited.stdout);
    assert.equal(state, 'DRAINED');
    assert.equal(elements.written, elements.read);
    assert.ok(outputs.length > 0);
    const again = await server.sluice(['jobs', 'drain', job.id, '--json']);
    assert.equal(again.status, 2);
    assert.equal(JSON.parse(again.stdout).error.code, 'JOB_ENDED');
  });

  await t.test('a cancelled job has the status of one that was interrupted', async () => {
    const { id } = await launch('cancelled');
    const waiting = server.start(['jobs', 'wait', id, '--json']);
    await server.sluice(['jobs', 'cancel', 'cancelled']);
    const { status, stdout } = await waiting.finished;
    assert.equal(status, 130);
    assert.equal(JSON.parse(stdout).state, 'CANCELLED');
  });

  await t.test('Ctrl-C ends the waiting, not the job', async () => {
    const waiting = server.start([...GENERATE, endless, '--job-name', 'left', '--wait']);
    await waiting.says('(left); Ctrl-C');
    waiting.child.kill('SIGINT');
    const { status, stderr } = await waiting.finished;
    assert.equal(status, 130);
    assert.match(stderr, /^job \S+ goes on: `sluice jobs wait/m);
    const job = await until(server, 'left', ({ state }) => state === 'RUNNING');
    await server.sluice(['jobs', 'cancel', job.id]);
    await server.sluice(['jobs', 'wait', job.id]);
  });

  await t.test('--update takes over from the active job of the name', async () => {
    const { id } = await launch('updated');
    await until(server, id, ({ totals }) => (totals?.elements.read ?? 0) > 0);
    const successor = await server.json([...GENERATE, endless, '--job-name', 'updated', '--update']);
    assert.equal(successor.replaces, id);
    const { status, stdout } = await server.sluice(['jobs', 'wait', id]);
    assert.equal(status, 0);
    assert.match(
      stdout,
      new RegExp(`^UPDATED {2}job ${id}.*\n(?:.*\n)+ {2}job ${successor.id} goes on in its place\n$`),
    );
    await until(server, successor.id, ({ totals }) => (totals?.elements.read ?? 0) > 0);
    await server.sluice(['jobs', 'drain', 'updated']);
    const { state, elements } = await server.json(['jobs', 'wait', successor.id]);
    assert.deepEqual([state, elements.written], ['DRAINED', elements.read]);
  });

  await t.test('what transforms did is shown, by those that are there', async () => {
    const limited = `${endless},messagesLimit=100`;
    const { jobId, elements } = await server.json([...GENERATE, limited, '--job-name', 'counted', '--wait']);
    assert.equal(elements.written, 100);
    const { counters, totals } = await server.json(['jobs', 'metrics', jobId]);
    assert.deepEqual(totals.elements, elements);
    const counts: { out: number }[] = Object.values(counters);
    assert.ok(counts.length >= 2 && counts.every(({ out }) => out === 100 || out === 0));
    const { stdout } = await server.sluice(['jobs', 'metrics', jobId]);
    assert.match(stdout, /^TRANSFORM +IN +OUT +FILTERED +FAILED\n/);
    const shown = await server.sluice(['jobs', 'show', jobId]);
    assert.match(shown.stdout, /^DONE {2}counted, \d+ s ago\n {2}id +2/);
    assert.match(shown.stdout, /\n {2}written +100 /);
  });

  await t.test('lists go by state and name, as far as was asked', async () => {
    const names = async (...args: string[]) =>
      (await server.json(['jobs', 'list', ...args])).jobs.map(({ name }: ServedJob) => name);
    assert.deepEqual(await names('--status', 'active'), []);
    assert.deepEqual(await names('--name', 'left'), ['left']);
    assert.equal((await names('--status', 'ended')).length, 6);
    const { stdout, stderr } = await server.sluice(['jobs', 'list', '--limit', '2']);
    assert.equal(stdout.split('\n').length, 4);
    assert.match(stderr, /the first 2; --limit shows more/);
  });

  await t.test(
    'of a name without an active job the last one is meant, but where it is to be stopped',
    async () => {
      const { id, state } = await server.json(['jobs', 'show', 'counted']);
      assert.equal(state, 'DONE');
      assert.equal((await server.json(['jobs', 'wait', 'counted'])).jobId, id);
      assert.equal((await server.json(['jobs', 'logs', 'counted'])).jobId, id);
      const { status, stderr } = await server.sluice(['jobs', 'drain', 'counted']);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`no active job is named counted: the last one, job ${id}, is DONE `));
    },
  );

  await t.test('a job that there is not is an error like any other', async () => {
    for (const name of ['nothing', '2026-11-20_00_00_00-1']) {
      const { status, stdout } = await server.sluice(['jobs', 'show', name, '--json']);
      assert.equal(status, 2);
      assert.equal(JSON.parse(stdout).error.code, 'JOB_NOT_FOUND');
    }
  });
});

const SAY = `pipeline:
  type: chain
  transforms:
    - {type: Create, config: {elements: [{word: one}, {word: "two\\e[31m"}]}}
    - {type: LogForTesting}
`;

test('the messages of a job are shown, and followed to its end', { timeout: 120_000 }, async t => {
  const { server } = await place(t);
  const parameters = JSON.stringify({ yaml_pipeline: SAY });
  const { jobId } = await server.json([
    'launch',
    'Yaml_Template',
    '--job-name',
    'say',
    '--parameters',
    parameters,
    '--wait',
  ]);
  const { messages } = await server.json(['jobs', 'logs', jobId]);
  const texts = messages.map(({ text }: { text: string }) => text);
  assert.equal(texts.filter((text: string) => text.includes('"word":"one"')).length, 1, texts.join('\n'));
  const followed = await server.sluice(['jobs', 'logs', jobId, '-f', '--json']);
  const lines = followed.stdout.trimEnd().split('\n');
  // Those to come are in the order of their coming, those that were in the order of their times.
  assert.deepEqual(lines.map(line => JSON.parse(line).text).sort(), texts.toSorted());
  const shown = await server.sluice(['jobs', 'logs', jobId]);
  assert.equal(shown.stdout.trimEnd().split('\n').length, texts.length);
  assert.ok(!shown.stdout.includes('\u001b'));
  const { messages: grave } = await server.json(['jobs', 'logs', jobId, '--severity', 'error']);
  assert.deepEqual(grave, []);
});

test('a server that is killed and comes back is waited for', { timeout: 120_000 }, async t => {
  const folder = await temporaryFolder(t);
  const options = { home: join(folder, 'home'), cwd: folder };
  const first = await serve(t, options, ['--root', folder]);
  const waiting = first.start([
    ...GENERATE,
    `${endless},messagesLimit=1500`,
    '--job-name',
    'on',
    '--wait',
    '--json',
  ]);
  await until(first, 'on', ({ totals }) => (totals?.elements.read ?? 0) > 0);
  first.child.kill('SIGKILL');
  await first.finished;
  await serve(t, options, ['--root', folder, '--port', new URL(first.url).port]);
  const { status, stdout, stderr } = await waiting.finished;
  assert.equal(status, 0, stderr);
  const { state, elements } = JSON.parse(stdout);
  assert.deepEqual([state, elements.read, elements.written], ['DONE', 1500, 1500]);
});

test('a server with tokens hears who has one, and lets them do what their role may', async t => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  const made = await sluice(['token', 'create', '--name', 'watch', '--role', 'viewer'], { home });
  const server = await serve(t, { home, cwd: folder });
  const nameless = await server.sluice(['jobs', 'list']);
  assert.equal(nameless.status, 2);
  assert.match(nameless.stderr, /\[UNAUTHENTICATED\]\n.*sluice token create/);
  const env = { SLUICE_TOKEN: made.stdout };
  assert.deepEqual(await server.json(['jobs', 'list'], { env }), { jobs: [] });
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, made.stdout);
  const launching = await server.sluice([...GENERATE, endless, '--token-file', tokenFile]);
  assert.equal(launching.status, 2);
  assert.match(launching.stderr, /needs .*role operator.* \[PERMISSION_DENIED\]/);
});

const job: ServedJob = {
  id: '2026-11-20_09_48_12-48172635491024',
  name: 'cloud-pubsub-to-gcs-text-20261120-094812',
  projectId: 'local',
  location: 'us-central1',
  streaming: true,
  state: 'CANCELLING',
  stateTime: '2026-11-20T09:50:00.000Z',
  createTime: '2026-11-20T09:48:12.000Z',
  templateId: 'Cloud_PubSub_to_GCS_Text',
  parameters: { inputTopic: 'projects/local/topics/a\u001b[2J', numShards: 3 },
  labels: { team: 'flights' },
  environment: {},
  workers: 1,
  launchedBy: 'local',
  owner: 'service',
  restarts: 2,
  wish: 'CANCELLED',
  totals: {
    elements: { read: 210_000, written: 75_053, filtered: 132_098, deadLettered: 2849 },
    bytes: { read: 13_700_000, written: 6_100_000 },
  },
  counters: { 'Read messages from the topic of all flights': { ...emptyCounters(), out: 1_234_567_890 } },
  watermark: Date.parse('2026-11-20T09:49:50.000Z'),
};
const now = Date.parse('2026-11-20T09:50:10.000Z');

test('what is printed fits a terminal of 80 columns', () => {
  const text = listText(
    [job, { ...job, name: 'x', state: 'DONE', createTime: '2026-09-20T09:48:12.000Z' }],
    now,
    fit,
  );
  assert.equal(
    text,
    `ID                                  STATE         AGE  NAME
2026-11-20_09_48_12-48172635491024  CANCELLING  2 min  cloud-pubsub…1120-094812
2026-11-20_09_48_12-48172635491024  DONE         61 d  x
`,
  );
  for (const line of [...text.split('\n'), ...metricsText(job, fit).split('\n')])
    assert.ok(line.length <= 80, line);
});

test('where no terminal shows it nothing of a name is left out', () => {
  assert.ok(listText([job], now).includes(` ${job.name}\n`));
  const [name = ''] = Object.keys(job.counters ?? {});
  assert.ok(metricsText(job).includes(name));
});

test('a job is shown in words and grouped figures, and cannot command the terminal', () => {
  const text = showText(job, now).replace(/(?<=launched +)\S+ \S+/, '<time>');
  assert.equal(
    text,
    `CANCELLING  cloud-pubsub-to-gcs-text-20261120-094812, for 10 s
  id             2026-11-20_09_48_12-48172635491024
  template       Cloud_PubSub_to_GCS_Text, streaming
  project        local, us-central1
  launched       <time> by local
  workers        1, restarts: 2
  labels         team=flights
  asked to be    CANCELLED
  read                210,000   13.7 MB
  written              75,053   6.1 MB
  filtered            132,098
  dead-lettered         2,849
  watermark      20 s behind
  parameters
    inputTopic    projects/local/topics/a\u{fffd}[2J
    numShards     3
`,
  );
});
