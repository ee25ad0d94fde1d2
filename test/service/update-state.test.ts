import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import { jobDirectory } from '../../src/config.ts';
import { readLetters } from '../../src/dlq/read.ts';
import { type GivenParameters, prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { updateJob } from '../../src/service/update.ts';
import { findLetters } from '../../src/tasks/letters.ts';
import { atEnd } from '../helpers/at-end.ts';
import { type Clients, clientsHere, killService, publish, pullCount, textsOf } from '../helpers/pubsub.ts';
import { type Bench, eventually, openBench } from '../jobs/service-jobs.ts';

const input = 'projects/local/topics/input';

interface Stream {
  bench: Bench;
  clients: Clients;
  /** Launches the first, and updates it from then on; resolves with the id once that runs. */
  next(version: number): Promise<string>;
  /** Publishes texts, and waits until the job has read them, its first. */
  feed(id: string, ...texts: string[]): Promise<void>;
}

/** A stream whose function marks each text with the version, and fails those that begin with `bad`. */
async function streamOf(t: TestContext, templateId: string, parameters: GivenParameters): Promise<Stream> {
  const bench = await openBench(t);
  const { config, folder, store, supervisor } = bench;
  const clients = await clientsHere(t, config);
  atEnd(t, () => killService(config));
  await clients.publisher.createTopic({ name: input });
  let running = false;
  return {
    bench,
    clients,
    async next(version) {
      const path = join(folder, `udf-${version}.js`);
      await writeFile(
        path,
        `function mark(text) {
          if (text.startsWith('bad')) throw new Error('version ${version}');
          return JSON.stringify({ text, version: ${version} });
        }`,
      );
      const job = await prepareJob(config, {
        templateId,
        parameters: {
          javascriptTextTransformGcsPath: path,
          javascriptTextTransformFunctionName: 'mark',
          ...parameters,
        },
      });
      const record = newRecord(job, { name: 'stream', launchedBy: 'test', owner: 'service' });
      const { id } = running ? await updateJob(bench, job, record) : await supervisor.launch(job.job, record);
      running = true;
      await bench.until(id, 'RUNNING', 'FAILED');
      return id;
    },
    async feed(id, ...texts) {
      await publish(clients, input, texts);
      await eventually(() => (store.progress.get(id)?.counters.Read?.out ?? 0) >= texts.length);
    },
  };
}

async function subscriptionsOf({ subscriber }: Clients): Promise<(string | null | undefined)[]> {
  const [subscriptions] = await subscriber.listSubscriptions({ project: 'projects/local' });
  return subscriptions.map(({ name }) => name);
}

/** The payloads of the dead letters of a job. */
async function lettersOf({ config, store }: Bench, id: string): Promise<(string | undefined)[]> {
  const { places } = await findLetters({ config, store }, id);
  const found = await Array.fromAsync(readLetters(places, config));
  return found.flatMap(each => ('letter' in each && each.letter.job === id ? [each.letter.payload] : []));
}

test('the dead letters in the folder of a job are joined by those of its successors', async t => {
  const output = 'projects/local/topics/output';
  const subscription = 'projects/local/subscriptions/output';
  const inputSubscription = 'projects/local/subscriptions/input';
  const parameters = { inputSubscription, outputTopic: output };
  const { bench, clients, next, feed } = await streamOf(t, 'Cloud_PubSub_to_Cloud_PubSub', parameters);
  await clients.subscriber.createSubscription({ name: inputSubscription, topic: input });
  await clients.publisher.createTopic({ name: output });
  await clients.subscriber.createSubscription({ name: subscription, topic: output });
  const ids: string[] = [];
  for (const version of [0, 1, 2]) {
    ids.push(await next(version));
    await feed(ids.at(-1) ?? '', `good ${version}`, `bad ${version}`);
  }
  const [first = '', second = '', third = ''] = ids;
  await bench.supervisor.stop(third, 'DRAINED');
  await bench.until(third, 'DRAINED', 'FAILED');
  assert.deepEqual(
    textsOf(await pullCount(clients, subscription, 3)).sort(),
    [0, 1, 2].map(version => JSON.stringify({ text: `good ${version}`, version })),
  );
  assert.deepEqual(await lettersOf(bench, first), ['bad 0']);
  assert.deepEqual(await lettersOf(bench, second), ['bad 1']);
  assert.deepEqual(await lettersOf(bench, third), ['bad 2']);
  // Whichever published first: what a job has only staged, its successor publishes.
  const folders = ids.filter(id => existsSync(join(jobDirectory(bench.config, id), 'dead-letters')));
  assert.equal(folders.length, 1, folders.join());
});

test('rows and the subscription that a job has made are those of its successor; dead letters stay with each', async t => {
  const parameters = { inputTopic: input, outputTableSpec: 'local:d.rows' };
  const { bench, clients, next, feed } = await streamOf(t, 'PubSub_to_BigQuery', parameters);
  const ids: string[] = [];
  for (const version of [0, 1]) {
    ids.push(await next(version));
    await feed(ids.at(-1) ?? '', `good ${version}`, `bad ${version}`);
  }
  const [first = '', second = ''] = ids;
  assert.deepEqual(await subscriptionsOf(clients), [`projects/local/subscriptions/sluice-${first}-Read`]);
  await bench.supervisor.stop(second, 'DRAINED');
  await bench.until(second, 'DRAINED', 'FAILED');
  assert.deepEqual(await subscriptionsOf(clients), []);
  const file = datasetFile(parseTableName('d.rows'), bench.config);
  const rows = await withDatabases([{ file, as: 'w', readOnly: true }], {}, async connection => ({
    good: (await connection.runAndReadAll('SELECT text, version FROM w.main.rows ORDER BY 1')).getRowsJson(),
    bad: (
      await connection.runAndReadAll('SELECT payloadString FROM w.main.rows_error_records')
    ).getRowsJson(),
  }));
  assert.deepEqual(rows.good, [
    ['good 0', '0'],
    ['good 1', '1'],
  ]);
  assert.deepEqual(rows.bad, [['bad 0'], ['bad 1']]);
  assert.deepEqual(await lettersOf(bench, first), ['bad 0']);
  assert.deepEqual(await lettersOf(bench, second), ['bad 1']);
});
