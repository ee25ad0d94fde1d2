/** The folder of a job, in which its workers may have left anything: how much it holds, and its end. */
import { execFile } from 'node:child_process';
import { lstat, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../errors.ts';

/** No worker of ours makes folders within folders so deep; below that, nothing is counted. */
const MAX_DEPTH = 200;

/**
 * The bytes below a folder: one file after the other, so that others come to their turn. What vanishes meanwhile, and
 * what cannot be looked into, takes nothing.
 */
export async function bytesBelow(folder: string, depth = 0): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) bytes += await sizeOf(path);
      else if (depth < MAX_DEPTH) bytes += await bytesBelow(path, depth + 1);
    }
  } catch (error) {
    ignoreOutOfReach(error);
  }
  return bytes;
}

/** Removes a folder with all that is in it, however deep, and whatever its owner has forbidden. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (systemCode(error) === undefined || process.platform === 'win32') throw error;
    // What has a path too long to be named these programs reach step by step.
    await run('chmod', ['-R', 'u+rwX', '--', folder]).catch(() => {});
    await run('rm', ['-rf', '--', folder]);
  }
}

const run = promisify(execFile);

const sizeOf = (path: string): Promise<number> =>
  lstat(path).then(
    ({ size }) => size,
    error => {
      ignoreOutOfReach(error);
      return 0;
    },
  );

function ignoreOutOfReach(error: unknown): void {
  if (!OUT_OF_REACH.has(systemCode(error) ?? '')) throw error;
}

const OUT_OF_REACH = new Set(['ENOENT', 'EACCES', 'ENAMETOOLONG', 'ENOTDIR', 'ELOOP', 'EMFILE']);
