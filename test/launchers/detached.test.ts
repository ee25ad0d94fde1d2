import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { workerEnvironment } from '../../src/launchers/environment.ts';
import { openBench, streamOf, workerPid } from '../jobs/service-jobs.ts';

test('a worker gets what it may need of the environment, and nothing else', () => {
  const given = {
    PATH: '/bin',
    HOME: '/root',
    SLUICE_HOME: '/data',
    LC_ALL: 'C',
    GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
    BIGQUERY_EMULATOR_HOST: 'localhost:1',
    https_proxy: 'http://proxy',
    NO_PROXY: '*',
  };
  const kept = { AWS_SECRET_ACCESS_KEY: 'a', DATABASE_URL: 'b', SLUICE_TOKEN: 'c', NODE_CHANNEL_FD: '3' };
  assert.deepEqual(workerEnvironment({ ...given, ...kept }), given);
});

test('a worker has a session of its own, and nothing of ours open', {
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
