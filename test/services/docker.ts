/**
 * An engine of Docker of its own, with the images that tests need. It lives in a room of namespaces: its containers,
 * mounts, networks and firewall rules are its own, and end with it whatever happens. `/var/run` of the machine, and
 * another engine there, is left alone.
 */
import { existsSync, globSync, rmdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { systemCode } from '../../src/errors.ts';
import { atEnd } from '../helpers/at-end.ts';
import { isRunning } from '../helpers/processes.ts';
import { copyImages, engineFolder } from './docker-images.ts';
import { inRoom, openRoom } from './docker-room.ts';
import { type Installation, installDebian, isRoot, lacking, onPath, run } from './installation.ts';
import { type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

export interface DockerEngine extends Service {
  /** For `DOCKER_HOST`: `unix:///…/docker.sock`. */
  host: string;
  client: Docker;
  /** Where containers find servers of this machine that listen on it. */
  gateway: string;
  /** Where this machine finds ports that containers publish. */
  published: string;
  /** Ends it as the system does, containers first; `restart` brings it back. */
  stop(): Promise<void>;
}

export interface DockerOptions {
  /** Containers outlive an engine that is killed. */
  liveRestore?: boolean;
  /** Without the images that tests need. */
  isEmpty?: boolean;
}

export async function startDocker(t: Lifetime, options: DockerOptions = {}): Promise<DockerEngine> {
  if (!docker.isInstalled()) throw new Error('Docker is not installed: npm run services install docker');
  await removeAbandonedGroups();
  const data = engineFolder();
  atEnd(t, () => rm(data, { recursive: true, force: true }));
  if (!options.isEmpty) await copyImages(data, buildWith);
  return startEngine(t, data, options);
}

async function buildWith(data: string, work: (client: Docker) => Promise<void>): Promise<void> {
  const cleanups: (() => unknown)[] = [];
  const lifetime: Lifetime = { after: cleanup => void cleanups.push(cleanup as () => unknown) };
  try {
    const engine = await startEngine(lifetime, data, {});
    await work(engine.client);
    await engine.stop();
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

async function startEngine(t: Lifetime, data: string, { liveRestore }: DockerOptions): Promise<DockerEngine> {
  const folder = await serviceFolder(t);
  const group = `${GROUPS}${process.pid}-${basename(folder)}`;
  atEnd(t, () => removeGroups(group));
  const room = await openRoom(t);
  const socketPath = join(folder, 'docker.sock');
  const host = `unix://${socketPath}`;
  const pidFile = join(folder, 'pid');
  const settings = join(folder, 'daemon.json');
  // Registries of tests listen on this machine, and have no certificates.
  await writeFile(settings, JSON.stringify({ 'insecure-registries': [`${room.gateway}/32`] }));
  const client = new Docker({ socketPath });
  const service = await startProcess(t, {
    name: 'Docker',
    port: 0,
    command: 'nsenter',
    args: inRoom(
      room,
      'dockerd',
      ...['--host', host, '--config-file', settings, '--pidfile', pidFile, '--log-level', 'warn'],
      ...['--data-root', data, '--exec-root', join(folder, 'exec'), '--cgroup-parent', `/${group}`],
      ...['--storage-driver', 'overlay2', '--host-gateway-ip', room.gateway],
      ...(liveRestore ? ['--live-restore'] : []),
    ),
    ready: async () => (await client.ping()).toString() === 'OK',
  });
  return {
    ...service,
    host,
    address: host,
    client,
    gateway: room.gateway,
    published: room.address,
    async restart() {
      await service.kill();
      // It says who was killed, who may not be buried yet.
      await rm(pidFile, { force: true });
      await service.restart();
    },
    async stop() {
      await run('nsenter', inRoom(room, 'kill', '-TERM', await readFile(pidFile, 'utf8')));
      while (existsSync(pidFile)) await sleep(20);
      await service.kill();
    },
  };
}

/** What tests that were killed have left. */
async function removeAbandonedGroups(): Promise<void> {
  for (const name of new Set(globSync(`${CONTROL_GROUPS}${GROUPS}*`).map(path => basename(path))))
    if (!isRunning(Number.parseInt(name.slice(GROUPS.length), 10))) await removeGroups(name);
}

/** With the first version of control groups there is a tree for each resource. */
const CONTROL_GROUPS = '/sys/fs/cgroup/{,*/}';
const GROUPS = 'sluice-test-';

/** The control groups of its containers: those are gone, but nobody has removed them. */
async function removeGroups(group: string): Promise<void> {
  const below = CONTROL_GROUPS + group;
  for (const path of globSync([`${below}/**/`, below]).sort((a, b) => b.length - a.length))
    await removeGroup(path);
}

async function removeGroup(path: string, tries = GROUP_TRIES): Promise<void> {
  try {
    rmdirSync(path);
  } catch (error) {
    // Processes that were killed hold it for another moment.
    if (systemCode(error) === 'ENOENT' || tries === 0) return;
    await sleep(20);
    await removeGroup(path, tries - 1);
  }
}

const GROUP_TRIES = 100;
const PROGRAMS = [
  'dockerd',
  'containerd',
  'runc',
  'docker-init',
  'iptables',
  'ip',
  'unshare',
  'nsenter',
  'ldd',
];
const DEBIAN = [
  'docker.io',
  'iproute2',
  'iptables',
  'busybox-static',
  'ca-certificates',
  'python3',
  'binutils',
];

export const docker: Installation = {
  name: 'docker',
  what: "Docker's engine (the machine's, or Debian's package as root)",
  isInstalled: () => isRoot && lacking(...PROGRAMS) === undefined && existsSync('/bin/busybox'),
  impossible: () => (isRoot && onPath('apt-get') ? undefined : 'it needs root and apt-get'),
  install: () => installDebian(...DEBIAN),
};
