import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import { connectPubsub, type PubsubConnection } from '../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../src/connectors/pubsub/resources.ts';
import { totalsOf } from '../../src/engine/counters.ts';
import { type CrashPoint, crashPoints } from '../../src/engine/crash-point.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { configHere } from '../helpers/pubsub.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from './launch.ts';

const RECORDS = 24_000;
const KILLS = 24;
const SHARE = RECORDS / KILLS;
const topic = 'projects/local/topics/records';
const subscription = 'projects/local/subscriptions/records';

/** Three fields come on the way, one type widens, and every 1000th record fits no column. */
function recordOf(id: number): string {
  return JSON.stringify({
    id,
    price: id < 12_000 ? id : id + 0.5,
    ...(id >= 4_000 && { name: `name ${id}` }),
    ...(id >= 10_000 && { tags: ['a', 'b'] }),
    ...(id >= 16_000 && { at: '2026-11-20T10:00:00Z' }),
    ...(id % 1000 === 999 && { price: 'free' }),
  });
}

test(`a stream whose schema grows, killed ${KILLS} times, has each of ${RECORDS} records in its table exactly once`, async t => {
  const config = await configHere(t);
  const connection = await connectPubsub(config);
  t.after(() => connection.close());
  await createTopic(connection, topic);
  await createSubscription(connection, subscription, topic);
  const parameters = {
    inputSubscription: subscription,
    outputTableSpec: 'd.records',
    schemaUpdate: 'evolve',
  };
  const job = await prepareIn(config.home, 'PubSub_to_BigQuery', parameters, { SLUICE_CHECKPOINT_MS: '20' });
  const kills: Record<string, number> = {};
  let summary: JobSummary | undefined;
  const points = crashPoints.filter(point => !point.startsWith('file.'));
  for (let i = 0; i < KILLS; i++) {
    // A share before each run, so that none comes to the end before the last.
    await publishRecords(connection, i * SHARE, SHARE);
    const point = points[i % points.length];
    summary = await runAndDrain(job, point);
    if (point && wasKilled(summary)) kills[point] = (kills[point] ?? 0) + 1;
  }
  summary = await runAndDrain(job);

  t.diagnostic(`kills: ${JSON.stringify(kills)}`);
  assert.equal(summary.state, 'DRAINED');
  assert.equal(
    Object.values(kills).reduce((sum, each) => sum + each, 0),
    KILLS,
  );
  const failed = RECORDS / 1000;
  assert.deepEqual(summary.elements, {
    read: RECORDS,
    written: RECORDS - failed,
    filtered: 0,
    deadLettered: failed,
  });
  const file = datasetFile(parseTableName('d.records'), config);
  await withDatabases([{ file, as: 'w', readOnly: true }], {}, async connection => {
    const rows = await connection.runAndReadAll(`
      SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(id) AS sum, typeof(any_value(price)) AS price,
        count(name) AS names, count(*) FILTER (tags = ['a', 'b']) AS tags, count("at") AS times,
        count(*) FILTER (price <> id + CASE WHEN id < 12000 THEN 0 ELSE 0.5 END) AS wrong
      FROM w.main.records`);
    const ids = Array.from({ length: RECORDS }, (_, id) => id).filter(id => id % 1000 !== 999);
    assert.deepEqual(rows.getRowObjectsJson(), [
      {
        n: String(ids.length),
        ids: String(ids.length),
        sum: String(ids.reduce((sum, id) => sum + id, 0)),
        price: 'DOUBLE',
        names: String(ids.filter(id => id >= 4_000).length),
        tags: String(ids.filter(id => id >= 10_000).length),
        times: String(ids.filter(id => id >= 16_000).length),
        wrong: '0',
      },
    ]);
    const letters = await connection.runAndReadAll(
      'SELECT count(DISTINCT payloadString) AS d, count(*) AS n FROM w.main.records_error_records',
    );
    assert.deepEqual(letters.getRowObjectsJson(), [{ d: String(failed), n: String(failed) }]);
  });
});

/** Runs the job until its worker dies, or until everything has been read, when it is drained. */
async function runAndDrain(job: Prepared, crashAt?: CrashPoint): Promise<JobSummary> {
  const { graph } = job.prepared;
  const run = startJob(job, crashAt && `${crashAt}:1`, {
    onProgress: ({ counters }) => {
      if (totalsOf(graph, counters).elements.read >= RECORDS) run.drain();
    },
  });
  return run.ended;
}

async function publishRecords(connection: PubsubConnection, from: number, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({ data: Buffer.from(recordOf(from + i)) }));
  await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
}
