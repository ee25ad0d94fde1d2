/** Every system is gone for as long as the contract of connectors says, all at the same time. */
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SinkSuite, sinkOutage } from '../conformance/sink.ts';
import { type SourceSuite, sourceOutage } from '../conformance/source.ts';
import type { Outage } from '../conformance/terms.ts';
import * as bigquery from '../connectors/bigquery/suites.ts';
import * as elasticsearch from '../connectors/elasticsearch/suites.ts';
import { gcs, s3 } from '../connectors/files/bucket-suites.ts';
import * as kafka from '../connectors/kafka/suites.ts';
import { elsewhere, emulator } from '../connectors/pubsub/suites.ts';
import * as splunk from '../connectors/splunk/suites.ts';
import { suites as databases } from '../connectors/sql/suites.ts';

const OUTAGE_MS = 30_000;

interface Case {
  title: string;
  run(t: TestContext): Promise<void>;
}

const systems: Record<string, { source?: SourceSuite; sink: SinkSuite }> = {
  Kafka: kafka,
  'Pub/Sub': elsewhere,
  "Google's Pub/Sub": emulator,
  BigQuery: bigquery,
  PostgreSQL: databases.postgres,
  MariaDB: databases.mysql,
  Elasticsearch: elasticsearch,
  Splunk: splunk,
  'Cloud Storage': gcs,
  S3: s3,
};

const { meet, leave: missed } = meeting();
const outage: Outage = {
  async begin(leave) {
    // Some share a network, so that all of them must have begun.
    await meet();
    await leave();
  },
  async end(comeBack) {
    await sleep(OUTAGE_MS);
    await comeBack();
  },
};

const cases: Case[] = Object.entries(systems).flatMap(([name, { source, sink }]) => [
  ...(source && !source.skip
    ? [{ title: `${name} is read`, run: (t: TestContext) => sourceOutage(t, source, outage) }]
    : []),
  ...(sink.skip
    ? []
    : [{ title: `${name} is written`, run: (t: TestContext) => sinkOutage(t, sink, outage) }]),
]);

describe(`nothing is lost when every server is gone for ${OUTAGE_MS / 1000} seconds`, {
  concurrency: cases.length,
}, () => {
  for (const { title, run } of cases)
    it(title, async t => {
      try {
        await run(t);
      } finally {
        missed();
      }
    });
});

/** A place where everybody waits for the others; who leaves is not waited for. */
function meeting(): { meet(): Promise<void>; leave(): void } {
  const everybody = Promise.withResolvers<void>();
  let there = 0;
  // Who has met the others leaves too: by then nobody waits any more.
  const arrive = () => {
    if (++there === cases.length) everybody.resolve();
  };
  return {
    meet() {
      arrive();
      return everybody.promise;
    },
    leave: arrive,
  };
}
