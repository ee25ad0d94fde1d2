import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobFile } from '../../src/jobs/job.ts';
import { readEvents } from '../../src/jobs/supervisor/event-reader.ts';
import { processLauncher } from '../../src/launchers/detached.ts';
import { workerEnvironment } from '../../src/launchers/environment.ts';
import { TAKEN_STATUS } from '../../src/worker/claim.ts';
import { workerDirectory } from '../../src/worker/places.ts';
import { openBench, streamOf, workerPid } from '../jobs/service-jobs.ts';

test('a worker gets what it may need of the environment, and nothing else', () => {
  const given = {
    PATH: '/bin',
    HOME: '/root',
    SLUICE_HOME: '/data',
    LC_ALL: 'C',
    GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
    BIGQUERY_EMULATOR_HOST: 'localhost:1',
    AWS_ACCESS_KEY_ID: 'key',
    https_proxy: 'http://proxy',
    NO_PROXY: '*',
  };
  const kept = { STRIPE_SECRET: 'a', DATABASE_URL: 'b', SLUICE_TOKEN: 'c', NODE_CHANNEL_FD: '3' };
  assert.deepEqual(workerEnvironment({ ...given, ...kept }), given);
});

test('a worker has a session of its own, a lower priority, and nothing of ours open', {
  skip: process.platform !== 'linux',
}, async t => {
  const server = createServer().listen(0);
  t.after(() => server.close());
  process.env.OUR_SECRET = 'nothing for workers';
  t.after(() => delete process.env.OUR_SECRET);
  const bench = await openBench(t);
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  await bench.until(id, 'RUNNING');
  const pid = workerPid(bench.config, id);
  assert.ok(pid);
  const sessionOf = (of: number) => readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
  assert.equal(sessionOf(pid), String(pid));
  assert.equal(getPriority(pid), 10, 'it does not come after the server');
  const open = readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  const ours = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  const sockets = ours.filter(path => path.startsWith('socket:'));
  assert.ok(sockets.length > 0);
  assert.deepEqual(
    open.filter(path => sockets.includes(path) || path.includes('sluice.db')),
    [],
  );
  assert.ok(ours.some(path => path === join(bench.config.home, 'sluice.db')));
  assert.ok(!readFileSync(`/proc/${pid}/environ`, 'utf8').includes('OUR_SECRET'));
  await bench.supervisor.stop(id, 'CANCELLED');
  await bench.until(id, 'CANCELLED');
});

test('of two workers started for a folder, only the one that was started last works in it', async t => {
  const bench = await openBench(t, { maxJobs: 0 });
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  const launcher = processLauncher(bench.config);
  const path = jobFile(bench.config, id);
  const late = launcher.start(path, 0);
  const chosen = launcher.start(path, 0);
  t.after(() => chosen.kill());
  assert.equal((await late.ended).status, TAKEN_STATUS);
  const reader = readEvents(workerDirectory(path, 0), id);
  t.after(() => reader.close());
  const events: string[] = [];
  while (!events.includes('running')) events.push(...(await reader.read()).map(({ event }) => event.type));
  assert.deepEqual(events, ['started', 'running']);
  const found = await launcher.find(path, 0);
  found?.kill();
  assert.equal((await chosen.ended).how, 'was killed by SIGKILL');
  assert.equal((await found?.ended)?.how, 'is gone');
  assert.equal(await launcher.find(path, 0), undefined);
});
