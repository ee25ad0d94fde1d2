/** Runs the jobs of template tests, in a home of their own with a Pub/Sub of its own. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Template } from '../catalog/template.ts';
import type { TestMessage, TestRunner } from '../catalog/template-test.ts';
import { readAnnouncement } from '../cloud/pubsub/announcement.ts';
import { parseTableName } from '../cloud/warehouse/names.ts';
import { selectOf, selectToFile } from '../cloud/warehouse/select.ts';
import { type Config, loadConfig, pubsubDirectory } from '../config.ts';
import { connectPubsub, type PubsubConnection } from '../connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../connectors/pubsub/resources.ts';
import { totalsOf } from '../engine/counters.ts';
import { saveJob } from '../jobs/job.ts';
import { runJob } from '../jobs/run-job.ts';
import { type LaunchRequest, prepareJob } from '../launch/prepare.ts';
import { keepSecrets } from '../launch/secrets.ts';
import { isAlive } from '../worker/job-file.ts';

/** How long to wait for what a test expects on a subscription. */
const PULL_MS = 10_000;

/**
 * Gives the runner, and removes everything it made when `work` is done. The user's templates and UDFs are there;
 * topics are always those of this machine, whatever the environment says.
 * @param template what runs where it is none of the catalog
 */
export async function withTestRunner<T>(
  work: (runner: TestRunner) => Promise<T>,
  template?: Template,
): Promise<T> {
  const user = loadConfig();
  const home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
  for (const folder of ['templates', 'udfs']) await symlink(join(user.home, folder), join(home, folder));
  // Workers and the embedded Pub/Sub read their configuration from the environment they inherit.
  process.env.SLUICE_HOME = home;
  delete process.env.PUBSUB_EMULATOR_HOST;
  delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
  const topics = lazyTopics(loadConfig());
  try {
    return await work({
      run: (templateId, ...given) =>
        runToEnd(loadConfig(), template ? { template } : { templateId }, ...given),
      rows: table => rowsOf(table, loadConfig()),
      ...topics,
    });
  } finally {
    await topics.close();
    await rm(home, { recursive: true, force: true });
  }
}

async function runToEnd(
  config: Config,
  what: Pick<LaunchRequest, 'template' | 'templateId'>,
  parameters: Record<string, unknown>,
  drainAfter?: number,
) {
  const prepared = await prepareJob(config, { ...what, parameters });
  const { job, graph } = prepared;
  await keepSecrets(config, prepared);
  await saveJob(config, job);
  const run = runJob(config, job, graph, {
    onProgress({ counters }) {
      if (drainAfter !== undefined && totalsOf(graph, counters).elements.read >= drainAfter) run.drain();
    },
  });
  const { state, elements, error } = await run.ended;
  return { state, elements, ...(error && { error: `${error.message} [${error.code}]` }) };
}

async function rowsOf(table: string, config: Config): Promise<string[]> {
  const path = join(config.home, `rows-${randomUUID()}.ndjson`);
  await selectToFile(selectOf(parseTableName(table)), path, config);
  const text = await readFile(path, 'utf8');
  await rm(path);
  return text.split('\n').slice(0, -1);
}

/** Pub/Sub, started by the first test that needs it. */
function lazyTopics(config: Config) {
  let connecting: Promise<PubsubConnection> | undefined;
  const connect = () => {
    connecting ??= connectPubsub(config);
    return connecting;
  };
  return {
    async createSubscription(subscription: string, topic: string) {
      const connection = await connect();
      await createTopic(connection, topic);
      await createSubscription(connection, subscription, topic);
    },
    async publish(topic: string, messages: TestMessage[]) {
      const encoded = messages.map(({ payload, attributes }) => ({ data: Buffer.from(payload), attributes }));
      const connection = await connect();
      await connection.call(({ publisher }, options) =>
        publisher.publish({ topic, messages: encoded }, options),
      );
    },
    async pull(subscription: string, expected: number) {
      const connection = await connect();
      const pulled: TestMessage[] = [];
      const giveUp = Date.now() + PULL_MS;
      for (let last = false; !last; ) {
        // One more look when all is there finds what should not be.
        last = pulled.length >= expected || Date.now() > giveUp;
        const request = { subscription, maxMessages: 1000, returnImmediately: true };
        const [{ receivedMessages }] = await connection.call(({ subscriber }, options) =>
          subscriber.pull(request, options),
        );
        for (const { message } of receivedMessages ?? [])
          pulled.push({ payload: String(message?.data ?? ''), attributes: { ...message?.attributes } });
        if (!last && pulled.length < expected) await sleep(50);
      }
      return pulled;
    },
    async close() {
      if (!connecting) return;
      await (await connecting).close();
      // It would end by itself, but only after its folder has gone.
      const service = readAnnouncement(pubsubDirectory(config));
      if (service && isAlive(service.pid)) process.kill(service.pid);
    },
  };
}
