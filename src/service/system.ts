/** The server itself: what it is set to, what it runs, the room it has, and the services that jobs may use. */
import type { Dirent } from 'node:fs';
import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAnnouncement } from '../cloud/pubsub/announcement.ts';
import { identityAt } from '../cloud/pubsub/health.ts';
import { type Config, pubsubDirectory, storageDirectory } from '../config.ts';
import { asSluiceError } from '../errors.ts';
import { connectEngine, engineError, hostOf } from '../launchers/docker/engine.ts';
import type { JobRecord } from '../store/record.ts';
import type { Service } from './service.ts';

export interface RunningJob {
  record: JobRecord;
  /** Of all its workers and their children; absent while none has told. */
  memoryBytes?: number;
}

const MAX_RUNNING = 200;

/** The jobs that have workers, or are about to, the latest first; only so many. */
export function runningJobs({ store }: Service): RunningJob[] {
  return store.jobs.list({ status: 'active' }, MAX_RUNNING).items.map(record => {
    const { gauges } = store.progress.get(record.id) ?? {};
    return { record, ...(gauges && { memoryBytes: gauges.memoryBytes }) };
  });
}

/** What the server is set to, in words; nothing secret is in it. */
export function settingsOf({ config, limits }: Service): { name: string; value: string }[] {
  const { roots, secretEnv, secretRoot, allowedImages } = config;
  const { maxJobs, retention } = limits;
  const days = retention && Math.round(retention.maxAgeMs / 86_400_000);
  return [
    { name: 'Home (SLUICE_HOME)', value: config.home },
    { name: 'Jobs at the same time', value: String(maxJobs) },
    { name: 'Files of ended jobs', value: days === undefined ? 'kept' : `kept for ${days} days` },
    { name: 'Folders that jobs may touch', value: roots ? roots.join(', ') || 'none but gs://' : 'all' },
    { name: 'Variables for secret://env', value: secretEnv?.join(', ') ?? 'none' },
    { name: 'Folder for secret://file', value: secretRoot ?? 'none' },
    { name: 'Workers are', value: config.launcher === 'docker' ? 'containers' : 'processes' },
    {
      name: 'Images that may be used',
      value: allowedImages ? allowedImages.join(', ') || 'none' : 'any',
    },
    ...(config.workerImage ? [{ name: 'Image of workers', value: config.workerImage }] : []),
    ...(config.dockerNetwork ? [{ name: 'Network of containers', value: config.dockerNetwork }] : []),
  ];
}

export interface ServiceState {
  name: string;
  /** Where it is, or what stands for it. */
  where: string;
  state: 'runs' | 'waits' | 'absent';
  /** What `absent` comes from. */
  why?: string;
}

const PATIENCE_MS = 3000;

/** What jobs may use beside files, and whether it answers; takes a few seconds at most. */
export async function servicesOf(config: Config): Promise<ServiceState[]> {
  const { googleCredentials, bigqueryHost, storageHost, s3Endpoint } = config;
  const google = googleCredentials === undefined ? undefined : 'Google’s own';
  return [
    ...(await Promise.all([pubsubState(config, google), engineState(config)])),
    { name: 'BigQuery', where: bigqueryHost ?? google ?? 'the warehouse of this server', state: 'waits' },
    { name: 'Cloud Storage', where: storageHost ?? google ?? storageDirectory(config), state: 'waits' },
    { name: 'S3', where: s3Endpoint ?? 'Amazon’s own', state: 'waits' },
  ];
}

async function pubsubState(config: Config, google: string | undefined): Promise<ServiceState> {
  const name = 'Pub/Sub';
  const elsewhere = config.pubsubHost ?? google;
  if (elsewhere !== undefined) return { name, where: elsewhere, state: 'waits' };
  const known = readAnnouncement(pubsubDirectory(config));
  const host = `127.0.0.1:${known?.port}`;
  const runs = known !== undefined && (await identityAt(host)) === known.identity;
  return runs
    ? { name, where: `embedded, at ${host}`, state: 'runs' }
    : { name, where: 'embedded, begins when a job needs it', state: 'waits' };
}

async function engineState(config: Config): Promise<ServiceState> {
  const name = 'Docker engine';
  try {
    const engine = await connectEngine(config);
    const { Version } = await Promise.race([engine.version(), tooLate()]);
    return { name, where: `${Version}, at ${hostOf(config)}`, state: 'runs' };
  } catch (error) {
    return {
      name,
      where: hostOf(config),
      state: 'absent',
      why: asSluiceError(engineError(error, config)).message,
    };
  }
}

const KNOWN_MS = 30_000;
const known = new Map<string, { at: number; answers: Promise<boolean> }>();

/** Whether jobs can run in containers, as it was found out within the last half minute. */
export function engineAnswers(config: Config): Promise<boolean> {
  const host = hostOf(config);
  const before = known.get(host);
  if (before && Date.now() - before.at < KNOWN_MS) return before.answers;
  const answers = engineState(config).then(({ state }) => state === 'runs');
  known.set(host, { at: Date.now(), answers });
  return answers;
}

async function tooLate(): Promise<never> {
  await sleep(PATIENCE_MS, undefined, { ref: false });
  throw new DOMException('no answer in time', 'TimeoutError');
}

export interface DiskUse {
  /** What the files of the home take; with `isAtLeast` there were too many to count. */
  homeBytes: number;
  isAtLeast: boolean;
  storeBytes: number;
  freeBytes: number;
  totalBytes: number;
}

const MAX_COUNTED = 100_000;
const COUNTING_MS = 5000;
const KEPT_MS = 60_000;
const counted = new WeakMap<Config, { at: number; use: Promise<DiskUse> }>();

/** The room that the home takes and has; counted at most once a minute. */
export function diskUse(config: Config): Promise<DiskUse> {
  const known = counted.get(config);
  if (known && Date.now() - known.at < KEPT_MS) return known.use;
  const use = countUse(config);
  counted.set(config, { at: Date.now(), use });
  use.catch(() => counted.delete(config));
  return use;
}

async function countUse({ home }: Config): Promise<DiskUse> {
  const { bavail, blocks, bsize } = await statfs(home);
  const count = { bytes: 0, files: 0, endMs: performance.now() + COUNTING_MS, isAtLeast: false };
  const storeBytes = await Promise.all(['', '-wal'].map(end => sizeOf(join(home, `sluice.db${end}`))));
  await countBelow(home, count);
  return {
    homeBytes: count.bytes,
    isAtLeast: count.isAtLeast,
    storeBytes: storeBytes.reduce((sum, bytes) => sum + bytes, 0),
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
  };
}

interface Count {
  bytes: number;
  files: number;
  endMs: number;
  isAtLeast: boolean;
}

/** Links are not followed: what they lead to is elsewhere, or counted already. */
async function countBelow(home: string, count: Count): Promise<void> {
  const folders = [home];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await entriesOf(folder)) {
      if (count.files >= MAX_COUNTED || performance.now() > count.endMs) {
        count.isAtLeast = true;
        return;
      }
      count.files++;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) count.bytes += await sizeOf(path);
    }
  }
}

/** What goes while we count was not there. */
const entriesOf = (folder: string): Promise<Dirent[]> =>
  readdir(folder, { withFileTypes: true }).catch(() => []);

const sizeOf = (path: string): Promise<number> =>
  lstat(path).then(
    ({ size }) => size,
    () => 0,
  );
