/** A container that runs Sluice's own worker: it finds its job where it lies on this machine. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { socketAddress, socketFolder } from '../../cloud/pubsub/socket.ts';
import { isWithin } from '../../cloud/roots.ts';
import type { Config } from '../../config.ts';
import type { ContainerMount, JobContainer } from '../../worker/container.ts';
import type { Job } from '../../worker/job-file.ts';
import { workerDirectory } from '../../worker/places.ts';
import { allocation } from '../command.ts';
import { environmentOf } from '../environment.ts';
import type { BindMount, ContainerErrand } from './container.ts';
import { giveEntry, giveFolder } from './owner.ts';
import { type SecretFiles, workerSecrets } from './secrets.ts';

/** Where the socket of the embedded Pub/Sub lies in the container. */
const PUBSUB = '/run/pubsub';

/** Of our environment a container gets nothing but these. */
const PASSED = ['TZ', 'LANG', 'AWS_PROFILE'];

export interface Errand {
  errand: Omit<ContainerErrand, 'network' | 'token'>;
  secrets: SecretFiles;
}

/** What the worker's container is made with. Its folders are there, and its own, when this resolves. */
export async function workerErrand(
  config: Config,
  job: Job,
  container: JobContainer,
  jobFile: string,
  index: number,
): Promise<Errand> {
  const { files, environment } = await workerSecrets(config, job, container);
  const own = ownMounts(job, jobFile, index);
  giveOwn(config, container);
  const named = container.mounts.map(mountOf);
  return {
    secrets: files,
    errand: {
      jobId: job.id,
      index,
      container,
      command: [jobFile, String(index)],
      environment: { ...environmentIn(config, container), ...environment },
      // Paths of a pipeline may begin where we are.
      workingDirectory: process.cwd(),
      mounts: [...own, ...named, ...pubsubMount(config, container)],
    },
  };
}

/** The job's folder, to be looked at, and what is the worker's own in it. */
function ownMounts({ workers }: Job, jobFile: string, index: number): BindMount[] {
  const folder = realpathSync(dirname(jobFile));
  const isShared = workers > 1;
  const target = (path: string) => join(dirname(jobFile), path.slice(folder.length));
  const writable = [
    workerDirectory(join(folder, 'job.json'), index),
    // What all workers must see alike.
    ...(isShared ? [join(folder, 'workers', 'stages')] : []),
  ];
  for (const path of writable) giveFolder(path);
  for (const name of ['', 'job.json']) giveEntry(join(folder, name));
  const letters = join(folder, 'letters');
  if (existsSync(letters)) giveFolder(letters);
  return [
    { source: folder, target: dirname(jobFile), isWritable: false },
    ...writable.map(path => ({ source: path, target: target(path), isWritable: true })),
  ];
}

/** What lies in our home is handed over: functions that were uploaded, and the local cloud. */
function giveOwn({ home }: Config, { mounts }: JobContainer): void {
  for (const { path } of mounts) {
    if (!existsSync(path) || !isWithin(home, path)) continue;
    if (statSync(path).isDirectory()) giveFolder(path);
    else giveEntry(path);
  }
}

/** A folder of the job that is written to is ours to make; others have been there since the launch. */
export function mountOf({ path, at = path, isWritable }: ContainerMount): BindMount {
  if (isWritable && !existsSync(path)) giveFolder(path);
  return { source: path, target: at, isWritable };
}

function pubsubMount(config: Config, { access }: JobContainer): BindMount[] {
  if (!access?.includes('pubsub')) return [];
  return [{ source: socketFolder(config), target: PUBSUB, isWritable: false }];
}

/** No secrets are in it: whoever may look at containers sees it. */
function environmentIn(config: Config, { access }: JobContainer): Record<string, string> {
  // Of this machine it sees nothing that it may not touch: roots would only keep it from its own folder.
  const { secretEnv: _, secretRoot: __, googleCredentials: ___, roots: ____, ...open } = config;
  const variables = {
    ...Object.fromEntries(PASSED.map(name => [name, process.env[name]])),
    ...allocation,
    ...environmentOf(open),
    HOME: '/tmp',
    ...(access?.includes('pubsub') && { SLUICE_PUBSUB_SOCKET: socketAddress(PUBSUB) }),
  };
  return Object.fromEntries(
    Object.entries(variables).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
