/** The embedded Pub/Sub to files, against the plainest loop over the official client. */
import { existsSync, globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAnnouncement } from '../../src/cloud/pubsub/announcement.ts';
import { ensurePubsub } from '../../src/cloud/pubsub/service.ts';
import { pubsubDirectory } from '../../src/config.ts';
import { clientsOf, publish } from '../../test/helpers/pubsub.ts';
import { type Measured, measure, tell } from '../measure.ts';
import { requireSameLines } from '../same-lines.ts';
import { makeElements } from '../udf/elements.ts';

const RECORDS = Number(process.env.RECORDS ?? 300_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const TARGET = 0.8;
const IDLE_MS = 3_600_000;
const root = join(import.meta.dirname, '../..');
// Memory, so that the disk does not hide what the programs cost.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
const config = { home: join(folder, 'home') };
const plainFile = join(folder, 'plain');

try {
  const { host } = await ensurePubsub(config, IDLE_MS);
  const clients = clientsOf(host);
  const topic = 'projects/bench/topics/records';
  await clients.publisher.createTopic({ name: topic });
  const elements = makeElements(1000, 20_000);
  let subscriptions = 0;

  for (const withUdf of [false, true]) {
    const suffix = withUdf ? ', function' : '';
    const plain: Measured[] = [];
    const ours: Measured[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const given = [host, await fill(), String(RECORDS), plainFile, ...(withUdf ? ['udf'] : [])];
      plain.push(await measure(process.execPath, [join(import.meta.dirname, 'plain.js'), ...given]));
      ours.push(await sluice(await fill(), withUdf));
      await requireSameLines(plainFile, join(folder, 'out/*'));
    }
    const fastest = tell(`plain loop${suffix}`, plain, RECORDS);
    const ratio = tell(`sluice${suffix}`, ours, RECORDS) / fastest;
    console.log(`   speed ratio ${ratio.toFixed(2)}${withUdf ? '' : ` (target at least ${TARGET})`}`);
  }
  await clients.close();

  /** A subscription in which all records wait. */
  async function fill(): Promise<string> {
    const name = `projects/bench/subscriptions/records-${++subscriptions}`;
    if (subscriptions > 1)
      await clients.subscriber.deleteSubscription({
        subscription: `projects/bench/subscriptions/records-${subscriptions - 1}`,
      });
    await clients.subscriber.createSubscription({ name, topic, ackDeadlineSeconds: 600 });
    for (let at = 0; at < RECORDS; at += 1000)
      await publish(clients, topic, elements.slice(at % elements.length, (at % elements.length) + 1000));
    return name;
  }
} finally {
  const pid = readAnnouncement(pubsubDirectory(config))?.pid;
  if (pid) process.kill(pid);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

/** Drains the job when all that the plain loop has written is in its files. */
function sluice(subscription: string, withUdf: boolean): Promise<Measured> {
  rmSync(join(folder, 'out'), { recursive: true, force: true });
  const { size } = statSync(plainFile);
  const pipeline = [
    'pipeline:',
    '  type: chain',
    '  transforms:',
    `    - {type: ReadFromPubSub, config: {subscription: ${subscription}}}`,
    ...(withUdf
      ? [
          `    - {type: JavaScriptUdf, config: {path: ${join(root, 'bench/files/udf.js')}, function: transform}}`,
        ]
      : []),
    '    - {type: WindowInto, config: {windowing: {type: fixed, size: 1h}}}',
    `    - {type: WriteToText, config: {path: ${join(folder, 'out/part')}}}`,
  ].join('\n');
  const parameters = JSON.stringify({ yaml_pipeline: pipeline });
  return measure(
    join(root, 'bin/sluice'),
    ['run', 'Yaml_Template', '--json', '--parameters', parameters],
    { SLUICE_HOME: config.home },
    () => bytesIn(join(folder, 'out')) >= size,
  );
}

/** Also of what is still staged. */
function bytesIn(path: string): number {
  const files = globSync(`${path}/{*,.*/*,.*/*/*,.*/*/*/*}`, { withFileTypes: true }).filter(entry =>
    entry.isFile(),
  );
  return files.reduce(
    (sum, entry) =>
      sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
