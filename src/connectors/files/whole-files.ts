/** Where whole files are put: below a folder, by a rename, or in a bucket, by one upload. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { checkBucket, putObject } from '../../cloud/objects/objects.ts';
import { localPath } from '../../cloud/storage.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { StageContext } from '../../engine/component.ts';
import { crashPoint } from '../../engine/crash-point.ts';
import { makeFolder } from '../../engine/folders.ts';
import { SluiceError, systemCode } from '../../errors.ts';

export interface Target {
  /** Puts a file, in place of what had its name; nothing is seen of it before it is whole. */
  put(name: string, body: () => AsyncIterable<Buffer>): Promise<void>;
  /** Makes durable what was put. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** @throws SluiceError as `checkBucket` */
export async function bucketTarget(base: string, { config }: StageContext): Promise<Target> {
  await checkBucket(base, config);
  return {
    async put(name, body) {
      crashPoint('file.rename');
      await putObject(base + name, body, {}, config);
      crashPoint('file.renamed');
    },
    settle: async () => {},
    close: async () => {},
  };
}

/** @throws SluiceError OUTPUT_UNWRITABLE */
export async function folderTarget(base: string, { config, keptAs, worker }: StageContext): Promise<Target> {
  const root = localPath(base, config);
  const staging = join(root, `.sluice-${keptAs.jobId}-${worker.index}`);
  await unlessUnwritable(base, async () => {
    await rm(staging, { recursive: true, force: true });
    await makeFolder(staging);
  });
  const changed = new Set<string>();
  let count = 0;
  return {
    async put(name, body) {
      const path = localPath(base + name, config);
      const staged = join(staging, String(count++));
      try {
        await pipeline(body, createWriteStream(staged, { flush: true }));
        await unlessUnwritable(base + name, async () => {
          await makeFolder(dirname(path));
          crashPoint('file.rename');
          await rename(staged, path);
          crashPoint('file.renamed');
        });
      } finally {
        await rm(staged, { force: true });
      }
      changed.add(dirname(path));
    },
    async settle() {
      for (const folder of changed) await syncDirectory(folder);
      changed.clear();
    },
    close: () => rm(staging, { recursive: true, force: true }),
  };
}

async function unlessUnwritable(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || code === 'ENOSPC') throw error;
    throw new SluiceError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
