/** Messages and rows for the templates of databases, and their jobs: undisturbed, killed, and with the server gone for a while. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connectPubsub, type PubsubConnection } from '../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../src/connectors/pubsub/resources.ts';
import { totalsOf } from '../../src/engine/counters.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { inPostgres } from '../connectors/sql/servers.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { atEnd } from '../helpers/at-end.ts';
import { waitFor } from '../helpers/kafka.ts';
import { configHere } from '../helpers/pubsub.ts';
import type { Postgres } from '../services/postgres.ts';
import { fateOf, goodIds, RECORDS, recordValue, UDF } from './kafka-jobs.ts';

/** The books where the function and the target refuse something. */
export const ELEMENTS = { read: RECORDS, written: 9600, filtered: 100, deadLettered: 300 };
/** Of rows that are all good but for the function. */
export const ROW_ELEMENTS = { read: RECORDS, written: 9800, filtered: 100, deadLettered: 100 };

export const TABLE = '(id integer PRIMARY KEY, price numeric)';

/** Without what a message carries: rows of a table have no key. */
export const PLAIN_UDF = UDF.replace(' + context.key + context.attributes.from', '');

export const isGood = (id: number): boolean => fateOf(id) === 'good';

/** The payloads of the elements that become dead letters. */
export const lostIds = (fates: readonly string[]): number[] => goodIds(id => fates.includes(fateOf(id)));

export interface Topic {
  home: string;
  subscription: string;
  connection: PubsubConnection;
  fill(from?: number, to?: number): Promise<void>;
}

const topic = 'projects/local/topics/orders';

/** An embedded Pub/Sub with a topic that is still empty. */
export async function topicHere(t: TestContext): Promise<Topic> {
  const config = await configHere(t);
  const connection = await connectPubsub(config);
  atEnd(t, () => connection.close());
  const subscription = 'projects/local/subscriptions/orders';
  await createTopic(connection, topic);
  await createSubscription(connection, subscription, topic);
  return {
    home: config.home,
    subscription,
    connection,
    async fill(from = 0, to = RECORDS) {
      for (let id = from; id < to; id += 1000) {
        const count = Math.min(1000, to - id);
        const messages = Array.from({ length: count }, (_, i) => ({
          data: Buffer.from(recordValue(id + i)),
        }));
        await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
      }
    },
  };
}

/** A table of orders, those that are to fail among them. */
export async function ordersIn(server: Postgres, table: string): Promise<void> {
  await inPostgres(
    server,
    `CREATE TABLE ${table} AS SELECT id, CASE WHEN id % 100 = 77 THEN 'much' ELSE (id / 4.0)::float8::text END AS price FROM generate_series(0, ${RECORDS - 1}) id; ALTER TABLE ${table} ADD PRIMARY KEY (id); CREATE VIEW ${table}_slow AS SELECT id, price, pg_sleep(0.00001) IS NULL AS slept FROM ${table}`,
  );
}

/** A job with the function that filters and throws. */
export async function prepareWith(
  home: string,
  templateId: string,
  parameters: Record<string, unknown>,
  env: NodeJS.ProcessEnv = {},
): Promise<Prepared> {
  await writeFile(join(home, 'check.js'), PLAIN_UDF);
  return prepareIn(
    home,
    templateId,
    {
      ...parameters,
      javascriptTextTransformGcsPath: join(home, 'check.js'),
      javascriptTextTransformFunctionName: 'check',
    },
    env,
  );
}

/** Runs a stream until everything is read, and then to the end; or until the worker dies. */
export async function untilAllRead(
  job: Prepared,
  crashAt?: `${CrashPoint}:${number}`,
  onRead: (count: number) => void = () => {},
): Promise<JobSummary> {
  const run = startJob(job, crashAt, {
    onProgress: ({ counters }) => {
      const { read } = totalsOf(job.prepared.graph, counters).elements;
      onRead(read);
      if (read >= RECORDS) run.drain();
    },
  });
  return run.ended;
}

const KILL_POINTS: readonly `${CrashPoint}:${number}`[] = [
  'stage.write:2',
  'checkpoint.prepared:1',
  'checkpoint.saved:1',
  'checkpoint.committed:1',
  'source.acknowledged:1',
];

/** Kills the worker at each of the points, with new messages before each start, then lets it come to the end. */
export async function throughKills(job: Prepared, { fill }: Topic): Promise<JobSummary> {
  const share = RECORDS / (KILL_POINTS.length + 5);
  for (const [i, point] of KILL_POINTS.entries()) {
    await fill(i * share, (i + 1) * share);
    assert.ok(wasKilled(await untilAllRead(job, point)), point);
  }
  await fill(KILL_POINTS.length * share);
  return untilAllRead(job);
}

/** Kills the server in the middle, while messages come, and brings it back. */
export async function throughOutage(
  job: Prepared,
  { fill }: Topic,
  server: { kill(): Promise<void>; restart(): Promise<void> },
): Promise<JobSummary> {
  await fill(0, RECORDS / 2);
  let read = 0;
  const running = untilAllRead(job, undefined, count => {
    read = count;
  });
  await waitFor(() => read >= RECORDS / 4, 'a quarter of the messages');
  await server.kill();
  await fill(RECORDS / 2);
  await server.restart();
  return running;
}

/** Kills the server while the job's query is copied, and brings it back. */
export async function killedWhileCopying(server: Postgres): Promise<void> {
  const copying = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%'";
  await waitFor(async () => (await inPostgres(server, copying)).length > 0, 'the query to be copied');
  await server.kill();
  await server.restart();
}

/** The table holds each good record once, and nothing else. */
export async function assertStored(server: Postgres, table: string): Promise<void> {
  const rows = await inPostgres(server, `SELECT id, price::float8 AS price FROM ${table} ORDER BY id`);
  assert.deepEqual(
    rows,
    goodIds(isGood).map(id => ({ id, price: id / 4 })),
  );
}
