/** Where the files of an output wait until they are whole, and how they come to their names: folders, or a bucket. */
import { mkdir, open, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isObject, requireNameable } from '../../cloud/objects/locate.ts';
import { checkBucket, statObject } from '../../cloud/objects/objects.ts';
import { displayPath, localPath } from '../../cloud/storage.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { StageContext } from '../../engine/component.ts';
import { makeFolder } from '../../engine/folders.ts';
import { SluiceError, systemCode } from '../../errors.ts';
import { fixedFolder, type Naming } from './file-naming.ts';
import { identityOf, publishBeside, publishReplacing } from './publish.ts';
import { upload } from './upload.ts';

export interface Destination {
  /** The folder they wait in. */
  folder: string;
  /** How many are published at a time. */
  atOnce: number;
  /** Where a path is: the place that all of the following take. @throws SluiceError where nothing can be there */
  place(path: string): string;
  /** A place as the user names it. */
  shown(place: string): string;
  /** Tells a file from others that have had or will have its place; undefined when there is none. */
  identityOf(place: string): Promise<string | undefined>;
  /**
   * Moves a staged file to the first of the places that is free or, with `before`, holds what that says of it. What has
   * come since is of a job that runs beside this one, and is never replaced. Repeatable.
   */
  publish(
    staged: string,
    place: (attempt: number) => string,
    before?: Readonly<Record<string, string>>,
  ): Promise<string>;
  /** Makes durable that files are in these places. */
  settle(places: readonly string[]): Promise<void>;
  /** The job is over: removes what was made for files that wait. */
  remove(): Promise<void>;
}

/** @throws SluiceError where nothing can be written there: OUTPUT_UNWRITABLE, or as `checkBucket` */
export function openDestination(naming: Naming, context: StageContext): Promise<Destination> {
  return isObject(naming.prefix, context.config) ? openBucket(naming, context) : openFolders(naming, context);
}

async function openFolders(naming: Naming, { config, keptAs, worker }: StageContext): Promise<Destination> {
  // A folder for each worker: whoever ends first takes away only his own.
  const fixed = localPath(fixedFolder(naming.prefix, naming.patterns) || './', config);
  const folder = join(fixed, `.sluice-${keptAs.jobId}-${worker.index}`);
  const made = await makeWritable(folder, naming.prefix);
  return {
    folder,
    atOnce: 1,
    place: path => localPath(path, config),
    shown: place => displayPath(place, naming.prefix, config),
    identityOf,
    publish: (staged, place, before) =>
      before ? publishReplacing(staged, place, before) : publishBeside(staged, place),
    async settle(places) {
      for (const parent of new Set(places.map(dirname))) await syncDirectory(parent);
    },
    remove: () => removeEmpty(folder, made),
  };
}

/** Uploads at a time. */
const UPLOADS = 8;

/** Files wait on this machine, in the folder of the job. */
async function openBucket({ prefix }: Naming, context: StageContext): Promise<Destination> {
  const { config, jobDirectory, keptAs, worker } = context;
  await checkBucket(prefix, config);
  const folder = join(jobDirectory, 'stages', `${encodeURIComponent(keptAs.stage)}-files`);
  await mkdir(folder, { recursive: true });
  const owner = `${keptAs.jobId} ${worker.index}`;
  return {
    folder,
    atOnce: UPLOADS,
    place: requireNameable,
    shown: place => place,
    identityOf: async place => (await statObject(place, config))?.version,
    publish: (staged, place, before) => upload(staged, place, owner, config, before),
    settle: async () => {},
    remove: () => rmdir(folder).catch(() => {}),
  };
}

/** Gives the topmost folder that had to be made. */
async function makeWritable(folder: string, prefix: string): Promise<string> {
  try {
    const made = await makeFolder(folder);
    const probe = join(folder, `probe-${process.pid}`);
    await (await open(probe, 'w')).close();
    await rm(probe);
    return made ?? folder;
  } catch (error) {
    if (systemCode(error) === undefined || systemCode(error) === 'ENOSPC') throw error;
    throw new SluiceError('OUTPUT_UNWRITABLE', `${prefix} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Removes the staging folder and, if nothing was published, those made for it; the last sink to leave does. */
async function removeEmpty(folder: string, topmost: string): Promise<void> {
  for (let path = folder; path.startsWith(topmost); path = dirname(path)) {
    const removed = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}
