import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { diskUse, servicesOf } from '../../src/service/system.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('the room that a home takes is that of its files, wherever links lead', async t => {
  const home = await temporaryFolder(t);
  const other = await temporaryFolder(t);
  await mkdir(join(home, 'jobs/x'), { recursive: true });
  await writeFile(join(home, 'jobs/x/log'), Buffer.alloc(1000));
  await writeFile(join(home, 'sluice.db'), Buffer.alloc(500));
  await writeFile(join(other, 'large'), Buffer.alloc(100_000));
  await symlink(other, join(home, 'jobs/y'));
  await symlink(join(other, 'large'), join(home, 'jobs/z'));
  await symlink(home, join(home, 'jobs/round'));
  const config = { home };
  const use = await diskUse(config);
  assert.deepEqual([use.homeBytes, use.storeBytes, use.isAtLeast], [1500, 500, false]);
  assert.ok(use.freeBytes > 0 && use.freeBytes <= use.totalBytes);
  await writeFile(join(home, 'more'), 'x');
  assert.equal(await diskUse(config), use, 'it is not counted again at once');
});

test('services are told by where they are', async t => {
  const home = await temporaryFolder(t);
  const hosts = {
    pubsubHost: 'localhost:1',
    bigqueryHost: 'http://b',
    storageHost: 's:2',
    s3Endpoint: 'http://s3',
  };
  const given = await servicesOf({ home, ...hosts, dockerHost: 'unix:///nowhere.sock' });
  assert.deepEqual(
    given.map(({ name, where, state }) => [name, where, state]),
    [
      ['Pub/Sub', 'localhost:1', 'waits'],
      ['Docker engine', 'unix:///nowhere.sock', 'absent'],
      ['BigQuery', 'http://b', 'waits'],
      ['Cloud Storage', 's:2', 'waits'],
      ['S3', 'http://s3', 'waits'],
    ],
  );
  const own = await servicesOf({ home, dockerHost: 'unix:///nowhere.sock' });
  assert.match(own[0]?.where ?? '', /embedded/);
});
