import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import { readFromAvro } from '../../src/connectors/files/index.ts';
import { totalsOf } from '../../src/engine/counters.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import { openSource, readTexts } from '../connectors/files/record-parts.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { clientsHere, configHere, killService, makeTopic, publish } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const MESSAGES = 10_000;
/** Of each hundred one makes the function throw, and one is filtered. */
const FATES = { throws: 57, filtered: 91 };
const UDF = `function check(payload, context) {
  const { id } = JSON.parse(payload);
  if (id % 100 === ${FATES.throws}) throw new Error('unwanted ' + context.attributes.number);
  return id % 100 === ${FATES.filtered} ? null : payload;
}`;
const ELEMENTS = { read: MESSAGES, written: 9800, filtered: 100, deadLettered: 100 };

const payloadOf = (id: number): string => JSON.stringify({ id, text: 'é' });
const idsBut = (...fates: number[]): number[] =>
  Array.from({ length: MESSAGES }, (_, id) => id).filter(id => !fates.includes(id % 100));

test('messages become records with their attributes; what fails becomes a dead letter', async t => {
  const run = await prepare(t);
  const summary = await untilAllRead(run);
  assert.equal(summary.state, 'DRAINED', JSON.stringify(summary.error));
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(t, run);
});

test('a worker killed anywhere loses and doubles nothing', async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '50' });
  const points: `${CrashPoint}:${number}`[] = [
    'checkpoint.prepared:1',
    'checkpoint.saved:2',
    'file.renamed:1',
  ];
  for (const point of points) assert.ok(wasKilled(await untilAllRead(run, point)), point);
  const summary = await untilAllRead(run);
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(t, run);
});

test('a Pub/Sub killed in the middle, and back, loses and doubles nothing', async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '100' });
  let isKilled = false;
  const summary = await untilAllRead(run, undefined, () => {
    if (isKilled) return;
    isKilled = true;
    void killService(run.config);
  });
  assert.ok(isKilled);
  assert.equal(summary.state, 'DRAINED', JSON.stringify(summary.error));
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(t, run);
});

interface Run {
  job: Prepared;
  config: Config;
  folder: string;
}

async function prepare(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'check.js'), UDF);
  const config = await configHere(t);
  const clients = await clientsHere(t, config);
  const { topic, subscription } = await makeTopic(clients);
  for (let first = 0; first < MESSAGES; first += 1000) {
    const ids = Array.from({ length: 1000 }, (_, i) => first + i);
    await publish(
      clients,
      topic,
      ids.map(id => ({ data: Buffer.from(payloadOf(id)), attributes: { number: String(id) } })),
    );
  }
  const parameters = {
    inputSubscription: subscription,
    outputDirectory: join(folder, 'out'),
    outputFilenameSuffix: '.avro',
    windowDuration: '1s',
    javascriptTextTransformGcsPath: join(folder, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const job = await prepareIn(config.home, 'Cloud_PubSub_to_Avro_Flex', parameters, env);
  return { job, config, folder };
}

function untilAllRead({ job }: Run, crashAt?: `${CrashPoint}:${number}`, onRead: () => void = () => {}) {
  const run = startJob(job, crashAt, {
    onProgress: ({ counters }) => {
      const { read } = totalsOf(job.prepared.graph, counters).elements;
      if (read > 0) onRead();
      if (read >= MESSAGES) run.drain();
    },
  });
  return run.ended;
}

async function assertOutcome(t: TestContext, { folder }: Run): Promise<void> {
  const source = await openSource(t, readFromAvro, folder, { path: join(folder, 'out/output*.avro') });
  const records = (await readTexts(source)).map(text => JSON.parse(text));
  records.sort((a, b) => Number(a.attributes.number) - Number(b.attributes.number));
  const expected = idsBut(FATES.throws, FATES.filtered);
  assert.equal(records.length, expected.length);
  const now = Date.now();
  for (const [i, id] of expected.entries()) {
    const { message, attributes, timestamp, ...others } = records[i];
    assert.equal(Buffer.from(message, 'base64').toString(), payloadOf(id));
    assert.deepEqual({ attributes, others }, { attributes: { number: String(id) }, others: {} });
    assert.ok(timestamp > now - 600_000 && timestamp <= now);
  }
  const letters = globSync(join(folder, 'out/errors/*.json'))
    .flatMap(path => readFileSync(path, 'utf8').trimEnd().split('\n'))
    .map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload }) => JSON.parse(payload).id).sort((a, b) => a - b),
    idsBut().filter(id => id % 100 === FATES.throws),
  );
  assert.ok(
    letters.every(
      ({ code, message, attributes }) =>
        code === 'UDF_THREW' && message.includes(`unwanted ${attributes.number}`),
    ),
  );
  assert.deepEqual(
    (await readdir(join(folder, 'out'))).filter(name => name.startsWith('.')),
    [],
  );
}
