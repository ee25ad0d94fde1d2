import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { totalsOf } from '../../src/engine/counters.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { localPubsub, makeTopic, publish } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type Collector, HEC_TOKEN, startCollector } from '../services/hec.ts';

const MESSAGES = 10_000;
/** Of each hundred one makes the function throw, one is refused by Splunk, one is filtered. */
const UDF = `function mark(text) {
  const { data, attributes } = JSON.parse(text);
  if (data.id % 100 === 57) throw new Error('unwanted');
  if (data.id % 100 === 91) return null;
  const index = data.id % 100 === 77 ? 'forbidden' : 'main';
  return JSON.stringify({ id: data.id, zone: attributes.zone, _metadata: { index, source: 'test' } });
}`;
const EACH = MESSAGES / 100;
const ELEMENTS = { read: MESSAGES, written: 97 * EACH, filtered: EACH, deadLettered: 2 * EACH };

test('messages become events with what _metadata says; what fails becomes a dead letter', async t => {
  const run = await prepare(t);
  const summary = await untilAllRead(run);
  assert.equal(summary.state, 'DRAINED');
  assert.deepEqual(summary.elements, ELEMENTS);
  const events = run.collector.events();
  assert.equal(events.length, ELEMENTS.written, 'each once');
  const first = events.find(({ event }) => (event as { id: number }).id === 0);
  assert.deepEqual(
    { ...first, time: typeof first?.time },
    {
      time: 'number',
      index: 'main',
      source: 'test',
      sourcetype: 'tests',
      event: { id: 0, zone: 'z0' },
    },
  );
  assertNothingLost(run);
});

test('a worker killed anywhere, and a collector killed and back, lose nothing', async t => {
  const run = await prepare(t, { batchCount: 20, parallelism: 2 }, { SLUICE_CHECKPOINT_MS: '50' });
  for (const point of ['stage.write:2', 'checkpoint.saved:2'] as const)
    assert.ok(wasKilled(await untilAllRead(run, point)), point);
  const before = run.collector.events().length;
  const running = untilAllRead(run);
  while (run.collector.events().length === before) await sleep(2);
  await run.collector.kill();
  await sleep(200);
  await run.collector.restart();
  const summary = await running;
  assert.equal(summary.state, 'DRAINED', JSON.stringify(summary.error));
  assert.deepEqual(summary.elements, ELEMENTS);
  assertNothingLost(run);
});

interface Run {
  job: Prepared;
  collector: Collector;
  errors: string;
}

async function prepare(t: TestContext, parameters: object = {}, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const collector = await startCollector(t);
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'mark.js'), UDF);
  await writeFile(join(folder, 'token'), HEC_TOKEN);
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  for (let first = 0; first < MESSAGES; first += 1000) {
    const ids = Array.from({ length: 1000 }, (_, i) => first + i);
    const messages = ids.map(id => ({
      data: Buffer.from(`{"id":${id}}`),
      attributes: { zone: `z${id % 3}` },
    }));
    await publish(clients, topic, messages);
  }
  const errors = join(folder, 'errors');
  const given = {
    inputSubscription: subscription,
    url: collector.url,
    token: `secret://file${join(folder, 'token')}`,
    sourcetype: 'tests',
    includePubsubMessage: true,
    deadLetterDirectory: `${errors}/`,
    javascriptTextTransformGcsPath: join(folder, 'mark.js'),
    javascriptTextTransformFunctionName: 'mark',
    ...parameters,
  };
  const job = await prepareIn(config.home, 'Cloud_PubSub_to_Splunk', given, env);
  return { job, collector, errors };
}

function untilAllRead({ job }: Run, crashAt?: `${CrashPoint}:${number}`) {
  const run = startJob(job, crashAt, {
    onProgress: ({ counters }) => {
      if (totalsOf(job.prepared.graph, counters).elements.read >= MESSAGES) run.drain();
    },
  });
  return run.ended;
}

/** Each event is there, nothing else is, and the dead letters are exact; Splunk may have an event twice. */
function assertNothingLost({ collector, errors }: Run): void {
  const ids = (isWanted: (rest: number) => boolean) =>
    Array.from({ length: MESSAGES }, (_, id) => id).filter(id => isWanted(id % 100));
  const events = collector.events().map(({ event }) => (event as { id: number }).id);
  assert.deepEqual(
    [...new Set(events)].sort((a, b) => a - b),
    ids(rest => ![57, 77, 91].includes(rest)),
  );
  const letters = globSync(`${errors}/*`).flatMap(path => readFileSync(path, 'utf8').trimEnd().split('\n'));
  assert.deepEqual(
    letters
      .map(line => JSON.parse(line))
      .map(({ payload, code }) => ({ id: JSON.parse(payload).id, code }))
      .sort((a, b) => a.id - b.id),
    ids(rest => rest === 57 || rest === 77).map(id => ({
      id,
      code: id % 100 === 57 ? 'UDF_THREW' : 'SPLUNK_REFUSED',
    })),
  );
}
