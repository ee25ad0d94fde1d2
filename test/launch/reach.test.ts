import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import type { Reach } from '../../src/engine/component.ts';
import { reachOf } from '../../src/launch/reach.ts';
import { registry } from '../../src/registry.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function placeOf(t: TestContext, more: Partial<Config> = {}) {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  const config: Config = { home, ...more };
  await mkdir(join(home, 'jobs/j1'), { recursive: true });
  await mkdir(join(home, 'cloud/gs/bucket/in'), { recursive: true });
  await mkdir(join(home, 'cloud/bigquery/shop'), { recursive: true });
  await writeFile(join(home, 'cloud/bigquery/shop/sales.duckdb'), '');
  await mkdir(join(home, 'udfs/mine'), { recursive: true });
  await mkdir(join(folder, 'data/sub'), { recursive: true });
  await mkdir(join(folder, 'out'));
  await chmod(join(folder, 'out'), 0o777);
  await writeFile(join(folder, 'data/a.txt'), '');
  await symlink(join(folder, 'data'), join(folder, 'link'));
  const of = (...needs: Reach[]) => reachOf(needs, 'j1', config);
  const mountsOf = (...needs: Reach[]) =>
    of(...needs).mounts.map(({ path, at, isWritable }) =>
      [path, at]
        .map(each => each?.replace(folder, ''))
        .concat(isWritable ? 'rw' : 'ro')
        .filter(each => each !== undefined)
        .join(' '),
    );
  return { folder, home, of, mountsOf };
}

test('a file is mounted itself, a pattern by the folder before it, an output by its folder', async t => {
  const { folder, mountsOf, of } = await placeOf(t);
  assert.deepEqual(mountsOf({ reads: [`${folder}/data/a.txt`, undefined] }), ['/data/a.txt ro']);
  assert.deepEqual(mountsOf({ reads: [`${folder}/data/*.txt`] }), ['/data ro']);
  assert.deepEqual(mountsOf({ reads: [`${folder}/data/s*/x.txt`] }), ['/data ro']);
  assert.deepEqual(mountsOf({ writes: [`${folder}/out/`] }), ['/out rw']);
  assert.deepEqual(mountsOf({ writes: [`${folder}/new/deep/`] }), ['/new/deep rw']);
  assert.deepEqual(of({ reads: [`${folder}/data/a.txt`] }).network, 'none');
});

test('what lies in another mount that gives as much is not mounted again', async t => {
  const { folder, mountsOf } = await placeOf(t);
  const reads = [`${folder}/data/*.txt`, `${folder}/data/a.txt`, `${folder}/out/*`];
  assert.deepEqual(mountsOf({ reads, writes: [`${folder}/out/`, `${folder}/out/errors/`] }), [
    '/out rw',
    '/data ro',
  ]);
  assert.deepEqual(mountsOf({ reads: [`${folder}/data/*`], writes: [`${folder}/data/sub/x/`] }), [
    '/data ro',
    '/data/sub/x rw',
  ]);
});

test('what links lead to is mounted where it was named', async t => {
  const { folder, mountsOf } = await placeOf(t);
  assert.deepEqual(mountsOf({ reads: [`${folder}/link/a.txt`] }), ['/data/a.txt /link/a.txt ro']);
});

test('the local cloud, the warehouse and the library lie in folders of the home', async t => {
  const { mountsOf, of } = await placeOf(t);
  assert.deepEqual(mountsOf({ reads: ['gs://bucket/in/*.txt'], writes: ['gs://bucket/out/'] }), [
    '/home/cloud/gs/bucket/in ro',
    '/home/cloud/gs/bucket/out rw',
  ]);
  assert.deepEqual(mountsOf({ tables: ['shop:sales.orders'] }), ['/home/cloud/bigquery/shop rw']);
  assert.deepEqual(mountsOf({ queries: ['SELECT * FROM sales.orders'] }), ['/home/cloud/bigquery/shop rw']);
  assert.deepEqual(mountsOf({ queries: ['SELECT 1'] }), []);
  assert.deepEqual(mountsOf({ reads: ['udf://mine@0123456789ab', 'udf://sample'] }), ['/home/udfs/mine ro']);
  assert.deepEqual(of({ topics: true }), { network: 'none', mounts: [], access: ['pubsub'] });
});

test('dead letters in the folder of the job are mounted; those of another job are not', async t => {
  const { home, of, mountsOf } = await placeOf(t, { roots: [] });
  assert.deepEqual(mountsOf({ writes: [`${home}/jobs/j1/dead-letters/`] }), [
    '/home/jobs/j1/dead-letters rw',
  ]);
  assert.throws(() => of({ writes: [`${home}/jobs/j2/elsewhere/`] }), { code: 'PATH_FORBIDDEN' });
});

test('what lies elsewhere needs a network, and who we are there', async t => {
  const local = await placeOf(t);
  assert.deepEqual(local.of({ network: true }), { network: 'jobs', mounts: [], access: [] });
  assert.deepEqual(local.of({ reads: ['s3://bucket/a'] }), { network: 'jobs', mounts: [], access: ['aws'] });
  const emulated = await placeOf(t, { storageHost: 'h', pubsubHost: 'h', bigqueryHost: 'h' });
  const all: Reach = { reads: ['gs://bucket/a'], topics: true, tables: ['shop.t'] };
  assert.deepEqual(emulated.of(all), { network: 'jobs', mounts: [], access: [] });
  const google = await placeOf(t, { googleCredentials: '/key.json' });
  assert.deepEqual(google.of(all), { network: 'jobs', mounts: [], access: ['google'] });
});

test('what would give a container more than was meant is refused', async t => {
  const { folder, of } = await placeOf(t);
  const places = [
    '/*',
    '/etc/*',
    '/proc/self/environ',
    '/dev/shm/*',
    '/tmp/*',
    '/var/run/*',
    '/run/secrets/x',
  ];
  for (const path of [...places, `${folder}/*`, `${folder}/home*`])
    assert.throws(
      () => of({ reads: [path] }),
      error =>
        error instanceof Error && /PATH_FORBIDDEN|INPUT_NOT_FOUND/.test(`${Reflect.get(error, 'code')}`),
      path,
    );
  assert.throws(() => of({ writes: [`${folder}/`] }), {
    code: 'PATH_FORBIDDEN',
    message: /holds the folder of Sluice/,
  });
  assert.throws(() => of({ writes: ['/tmp/'] }), { code: 'PATH_FORBIDDEN' });
  assert.throws(() => of({ reads: [`${folder}/nowhere/*.txt`] }), {
    code: 'INPUT_NOT_FOUND',
    message: /^no file matches .*: there is no .*\/nowhere$/,
  });
});

test('a folder that the user of containers cannot write is refused with what helps', {
  skip: process.getuid?.() !== 0,
}, async t => {
  const { folder, of } = await placeOf(t);
  await chmod(join(folder, 'out'), 0o755);
  assert.throws(() => of({ writes: [`${folder}/out/`] }), {
    code: 'OUTPUT_UNWRITABLE',
    message: `${folder}/out cannot be written by the user that containers run as, 65532:65532: \`chown 65532:65532 ${folder}/out\`, or name another folder`,
  });
  await chmod(join(folder, 'data'), 0o700);
  assert.throws(() => of({ reads: [`${folder}/data/*.txt`] }), { code: 'INPUT_UNREADABLE' });
});

test('every component that reads or writes outside says so', () => {
  const silent = [...registry.values()].filter(({ kind, reach }) => kind !== 'transform' && !reach);
  assert.deepEqual(
    silent.map(({ name }) => name),
    ['Create'],
  );
});
