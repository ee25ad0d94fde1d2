import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { announce, readAnnouncement } from '../../../src/cloud/pubsub/announcement.ts';
import { ensurePubsub } from '../../../src/cloud/pubsub/service.ts';
import { pubsubDirectory } from '../../../src/config.ts';
import {
  clientsHere,
  clientsOf,
  configHere,
  killService,
  makeTopic,
  publish,
  pullCount,
  textsOf,
} from '../../helpers/pubsub.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const run = promisify(execFile);
const serviceModule = new URL('../../../src/cloud/pubsub/service.ts', import.meta.url).href;

test('uses the host configured, and starts nothing', async t => {
  const home = await temporaryFolder(t);
  assert.deepEqual(await ensurePubsub({ home, pubsubHost: 'example:1' }), { host: 'example:1' });
  assert.equal(existsSync(join(home, 'cloud')), false);
});

test('starts a service that outlives its starter, and finds it again', async t => {
  const config = await configHere(t);
  const program = `
    const { ensurePubsub } = await import(${JSON.stringify(serviceModule)});
    process.stdout.write((await ensurePubsub(${JSON.stringify(config)}, 10_000)).host);
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program]);
  assert.match(stdout, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(await ensurePubsub(config), { host: stdout });
});

test('comes to one service when many start it at once', async t => {
  const config = await configHere(t);
  const program = `
    const { ensurePubsub } = await import(${JSON.stringify(serviceModule)});
    process.stdout.write((await ensurePubsub(${JSON.stringify(config)}, 10_000)).host);
  `;
  const starting = Array.from({ length: 4 }, () =>
    run(process.execPath, ['--input-type=module', '-e', program]),
  );
  const hosts = (await Promise.all(starting)).map(({ stdout }) => stdout);
  assert.equal(new Set(hosts).size, 1, hosts.join(' '));
  const directory = pubsubDirectory(config);
  const services = async () => {
    const { stdout } = await run('ps', ['-eo', 'args']);
    return stdout.split('\n').filter(line => line.includes(directory) && line.includes('main.ts'));
  };
  // Those that came too late take a moment to see it.
  for (let i = 0; i < 100 && (await services()).length > 1; i++) await sleep(50);
  assert.equal((await services()).length, 1);
});

test('starts again where a killed service was, on the same port, with everything confirmed', async t => {
  const config = await configHere(t);
  const { host } = await ensurePubsub(config, 10_000);
  const before = clientsOf(host);
  const { topic, subscription } = await makeTopic(before);
  await publish(before, topic, ['confirmed']);
  await before.close();
  await killService(config);
  assert.equal((await ensurePubsub(config, 10_000)).host, host);
  const after = await clientsHere(t, config);
  assert.deepEqual(textsOf(await pullCount(after, subscription, 1)), ['confirmed']);
});

test('is not fooled by another program on the port announced, nor by a spoilt announcement', async t => {
  const config = await configHere(t);
  const other = await configHere(t);
  const { host } = await ensurePubsub(other, 10_000);
  await ensurePubsub(config, 10_000);
  await killService(config);
  announce(pubsubDirectory(config), { pid: 1, port: Number(host.split(':')[1]), identity: 'not this one' });
  const mine = await ensurePubsub(config, 10_000);
  assert.notEqual(mine.host, host);
  await killService(config);
  writeFileSync(join(pubsubDirectory(config), 'server.json'), '{"port":');
  assert.match((await ensurePubsub(config, 10_000)).host, /^127\.0\.0\.1:\d+$/);
});

test('ends by itself once nobody is connected, and not before', async t => {
  const config = await configHere(t);
  const { host } = await ensurePubsub(config, 400);
  const clients = clientsOf(host);
  await makeTopic(clients);
  const { pid = 0 } = readAnnouncement(pubsubDirectory(config)) ?? {};
  await sleep(1000);
  assert.ok(process.kill(pid, 0), 'a connection keeps it');
  await clients.close();
  await assert.doesNotReject(
    (async () => {
      for (let i = 0; i < 100; i++) {
        await sleep(50);
        try {
          process.kill(pid, 0);
        } catch {
          return;
        }
      }
      throw new Error('it still runs');
    })(),
  );
  assert.deepEqual(
    existsSync(join(pubsubDirectory(config), 'messages.sqlite-wal')),
    false,
    'closed in order',
  );
});

test('says why when the service cannot start', async t => {
  const config = await configHere(t);
  await ensurePubsub(config, 10_000);
  await killService(config);
  const file = join(pubsubDirectory(config), 'messages.sqlite');
  rmSync(`${file}-wal`);
  writeFileSync(file, 'this is no database'.repeat(1000));
  await assert.rejects(ensurePubsub(config), {
    code: 'SERVICE_UNREACHABLE',
    message: /does not start: .*file is not a database/,
  });
});
