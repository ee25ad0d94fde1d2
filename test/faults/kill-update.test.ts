import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, loadConfig } from '../../src/config.ts';
import { connectPubsub } from '../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../src/connectors/pubsub/resources.ts';
import { crashPoints } from '../../src/engine/crash-point.ts';
import { saveJob } from '../../src/jobs/job.ts';
import type { Supervisor } from '../../src/jobs/supervisor.ts';
import { prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { programArguments } from '../../src/program.ts';
import { updateJob } from '../../src/service/update.ts';
import type { JobRecord } from '../../src/store/record.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { configHere } from '../helpers/pubsub.ts';
import { eventually, kill, workerPid } from '../jobs/service-jobs.ts';

const UPDATES = 4;
/** For each update. */
const KILLS = 3;
const BATCH = 200;
const topic = 'projects/local/topics/orders';
const subscription = 'projects/local/subscriptions/orders';

const pipeline = (folder: string, version: number) => `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: ${subscription}}
    - type: ParseJson
    - type: MapToFields
      config: {append: true, language: generic, fields: {version: '${version}'}}
    - type: WindowInto
      config: {windowing: {type: fixed, size: 2s}}
    - type: Combine
      name: Groups ${version}
      config: {group_by: key, combine: {ids: {value: id, fn: group}, versions: {value: version, fn: group}}, late_output: late}
    - type: WriteToJson
      config: {path: ${join(folder, 'out/groups')}}
  extra_transforms:
    - type: WriteToJson
      name: Late
      input: Groups ${version}.late
      config: {path: ${join(folder, 'out/late')}}
`;

test(`servers and workers killed at any moment of ${UPDATES} updates lose and double nothing`, async t => {
  const { home } = await configHere(t);
  const config = loadConfig({ SLUICE_HOME: home, SLUICE_CHECKPOINT_MS: '100' });
  const store = openStore(config);
  t.after(() => store.close());
  const publisher = await publishSteadily(t, config);
  const first = await prepared(config, 0);
  await saveJob(config, first.job.job);
  store.jobs.insert(first.record);
  const jobs = [first.record.id];
  let server = await startServer(t, config);
  for (let version = 1; version <= UPDATES; version++) {
    const before = jobs.at(-1) ?? '';
    await untilReading(store, before, version - 1);
    await stop(server);
    const { id } = await noteUpdate(config, store, version);
    jobs.push(id);
    for (let n = 0; n < KILLS; n++) {
      // The workers that it starts die, too: at a point of their way.
      server = await startServer(t, config, crashPoints[(version * KILLS + n) % crashPoints.length]);
      await sleep(Math.random() * 700);
      if (n === 0 && version % 2 === 0) kill(config, before);
      await stop(server);
    }
    server = await startServer(t, config);
    await until(store, before, 'UPDATED');
  }
  const last = jobs.at(-1) ?? '';
  await untilReading(store, last, UPDATES);
  const published = await publisher.stop();
  const readBy = (id: string) => store.progress.get(id)?.counters.ReadFromPubSub?.out ?? 0;
  await eventually(
    () => jobs.reduce((sum, id) => sum + readBy(id), 0) >= published,
    () => `of ${published} records the jobs have read ${jobs.map(readBy)}`,
    60_000,
  );
  await stop(server);
  // What was wished while no server ran is obeyed by the next one.
  store.transaction(() => {
    store.jobs.wish(last, 'DRAINED');
    store.jobs.move(last, 'DRAINING');
  });
  await startServer(t, config);
  await until(store, last, 'DRAINED');

  const groups = rowsOf<{ ids: number[]; versions: number[] }>(join(home, 'out/groups*'));
  // What a killed worker held comes again behind what is newer.
  const late = rowsOf<{ id: number; version: number }>(join(home, 'out/late*'));
  const ids = [...groups.flatMap(each => each.ids), ...late.map(({ id }) => id)].sort((a, b) => a - b);
  const isThere = new Set(ids);
  const lost = Array.from({ length: published }, (_, id) => id).filter(id => !isThere.has(id));
  assert.deepEqual([lost.length, lost.slice(0, 5)], [0, []]);
  assert.equal(ids.length, published, 'some are there twice');
  const versions = [...groups.flatMap(each => each.versions), ...late.map(each => each.version)];
  const ended = jobs.map(id => store.jobs.require(id));
  for (const [version, { result }] of ended.entries())
    assert.equal(versions.filter(each => each === version).length, result?.elements.read);
  assert.deepEqual(
    ended.map(({ replaces }) => replaces),
    [undefined, ...jobs.slice(0, -1)],
  );
  t.diagnostic(
    `${published} records, ${late.length} of them late: ${ended.map(({ result, restarts }) => `${result?.elements.read} (${restarts} restarts)`)}`,
  );
  assert.ok(
    groups.some(each => new Set(each.versions).size > 1),
    'no window was handed over',
  );
  assert.deepEqual(
    jobs.filter(id => workerPid(config, id) !== undefined),
    [],
    'workers are left',
  );
});

const rowsOf = <Row>(pattern: string): Row[] =>
  globSync(pattern).flatMap(path =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line)),
  );

async function prepared(config: Config, version: number) {
  const path = join(config.home, `pipeline-${version}.yaml`);
  await writeFile(path, pipeline(config.home, version));
  const job = await prepareJob(config, { pipeline: path });
  const names = { [`Groups ${version - 1}`]: `Groups ${version}` };
  const record = newRecord(job, {
    name: 'groups',
    launchedBy: 'test',
    owner: 'service',
    ...(version > 0 && { transformNameMapping: names }),
  });
  return { job, record };
}

/** Notes an update as a server does that dies at once. */
async function noteUpdate(config: Config, store: Store, version: number): Promise<JobRecord> {
  const { job, record } = await prepared(config, version);
  const replace: Supervisor['replace'] = async (jobId, successor, successorRecord) => {
    await saveJob(config, successor);
    store.jobs.replace(jobId, successorRecord);
    return successorRecord;
  };
  return updateJob({ config, store, supervisor: { replace } as Supervisor }, job, record);
}

async function publishSteadily(t: TestContext, config: Config): Promise<{ stop(): Promise<number> }> {
  const connection = await connectPubsub(config);
  await createTopic(connection, topic);
  await createSubscription(connection, subscription, topic);
  let stopped = false;
  const publishing = (async () => {
    let id = 0;
    for (; !stopped; id += BATCH) {
      const messages = Array.from({ length: BATCH }, (_, i) => ({
        data: Buffer.from(JSON.stringify({ id: id + i, key: i % 7 })),
      }));
      await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
      await sleep(100);
    }
    await connection.close();
    return id;
  })();
  const stop = () => {
    stopped = true;
    return publishing;
  };
  t.after(stop);
  return { stop };
}

/** Workers that it starts die as they pass `crashAt`. */
async function startServer(t: TestContext, { home }: Config, crashAt = ''): Promise<ChildProcess> {
  const program = programArguments(new URL('./supervisor-program.ts', import.meta.url));
  const server = spawn(process.execPath, program, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SLUICE_HOME: home, SLUICE_CHECKPOINT_MS: '100', SLUICE_CRASH_AT: crashAt },
  });
  t.after(() => server.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve());
    server.once('exit', () => reject(new Error('the server has ended')));
  });
  return server;
}

async function stop(server: ChildProcess): Promise<void> {
  server.kill('SIGKILL');
  if (server.signalCode === null) await new Promise(resolve => server.once('exit', resolve));
}

const until = (store: Store, id: string, state: string) =>
  eventually(
    () => store.jobs.require(id).state === state,
    () => `job ${id} is ${JSON.stringify(store.jobs.require(id), null, 1)}, not ${state}`,
    60_000,
  );

/** Resolves once the job runs and has made something of what it has read, in its state too. */
async function untilReading(store: Store, id: string, version: number): Promise<void> {
  await until(store, id, 'RUNNING');
  await eventually(
    () => (store.progress.get(id)?.counters[`Groups ${version}`]?.merged ?? 0) > 0,
    () => `job ${id} has read nothing`,
    60_000,
  );
}
