import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { type DockerEngine, startDocker } from './docker.ts';
import { missing } from './index.ts';
import type { Lifetime } from './service.ts';

const skip = missing('docker');

test('an engine has the images that tests need, and leaves nothing on the machine, whatever runs in it', {
  skip,
}, async () => {
  const { lifetime, end } = lifetimeOf();
  const engine = await startDocker(lifetime);
  const images = await engine.client.listImages();
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  for (const name of ['base', 'worker', 'server', 'python'])
    assert.ok(names.includes(`sluice-${name}:test`), name);
  await engine.client.createNetwork({ Name: 'jobs' });
  await startSleeping(engine, { NetworkMode: 'jobs' });
  assert.deepEqual(tracesOf(engine), ['address', 'control groups', 'folder', 'processes']);
  await end();
  // The network of the room goes a moment after the last process in it.
  for (let tries = 0; tries < 600 && tracesOf(engine).length > 0; tries++) await sleep(100);
  assert.deepEqual(tracesOf(engine), []);
});

test('containers end with an engine that is killed, and go on without one that restores them', {
  skip,
}, async t => {
  for (const liveRestore of [false, true]) {
    const engine = await startDocker(t, { liveRestore });
    const container = await startSleeping(engine);
    await engine.kill();
    await assert.rejects(engine.client.ping());
    await engine.restart();
    const { State } = await container.inspect();
    assert.equal(State.Running, liveRestore);
    await engine.stop();
    await assert.rejects(engine.client.ping());
  }
});

test('a container reaches this machine, and this machine what the container publishes', { skip }, async t => {
  const engine = await startDocker(t);
  const ours = createServer(socket => void socket.end('from the machine'));
  t.after(() => ours.close());
  await once(ours.listen(0, engine.gateway), 'listening');
  const { port } = ours.address() as AddressInfo;
  const container = await engine.client.createContainer({
    Image: 'sluice-base:test',
    Cmd: ['nc', '-l', '-p', '80', '-e', 'nc', engine.gateway, String(port)],
    ExposedPorts: { '80/tcp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8000' }] } },
  });
  await container.start();
  const answer = connect(8000, engine.published).setEncoding('utf8');
  assert.equal((await answer.toArray()).join(''), 'from the machine');
});

async function startSleeping(
  { client }: DockerEngine,
  HostConfig: Docker.HostConfig = {},
): Promise<Docker.Container> {
  const container = await client.createContainer({
    Image: 'sluice-base:test',
    Cmd: ['sleep', '1000'],
    HostConfig,
  });
  await container.start();
  return container;
}

function lifetimeOf(): { lifetime: Lifetime; end(): Promise<void> } {
  const cleanups: (() => unknown)[] = [];
  return {
    lifetime: { after: cleanup => void cleanups.push(cleanup as () => unknown) },
    async end() {
      for (const cleanup of cleanups) await cleanup();
    },
  };
}

/** What of an engine is to be seen on this machine. */
function tracesOf({ host, gateway }: DockerEngine): string[] {
  const folder = dirname(new URL(host).pathname);
  const addresses = Object.values(networkInterfaces()).flatMap(each => each?.map(({ address }) => address));
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  return [
    addresses.includes(gateway) && 'address',
    globSync(`/sys/fs/cgroup/{,*/}*-${basename(folder)}`).length > 0 && 'control groups',
    existsSync(folder) && 'folder',
    mounts.includes(folder) && 'mounts',
    globSync('/proc/[0-9]*/cmdline').some(path => textOf(path).includes(folder)) && 'processes',
  ].filter(each => each !== false);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
