/** Gives a staged file its name, once and for all, however often it is tried. */
import { link, mkdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crashPoint } from '../../engine/crash-point.ts';
import { systemCode } from '../../errors.ts';

/** Moves it to `path`, replacing what is there. A staged file that is gone was published before. */
export async function publishReplacing(staged: string, path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  crashPoint('file.rename');
  await rename(staged, path).catch(ignoreMissing);
  crashPoint('file.renamed');
  return path;
}

/**
 * Moves it to the first of `path(0)`, `path(1)` … that is free: what another job, or an earlier pane, has published
 * there is never replaced.
 */
export async function publishBeside(staged: string, path: (attempt: number) => string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const target = path(attempt);
    await mkdir(dirname(target), { recursive: true });
    crashPoint('file.rename');
    const taken = await link(staged, target).then(
      () => false,
      error => linkFailed(error, staged, target),
    );
    crashPoint('file.renamed');
    if (taken) continue;
    await unlink(staged).catch(ignoreMissing);
    return target;
  }
}

/** True when another file has the name; false when there is nothing left to do. */
async function linkFailed(error: unknown, staged: string, target: string): Promise<boolean> {
  const code = systemCode(error);
  if (code === 'ENOENT') return false;
  if (code !== 'EEXIST') throw error;
  const [mine, theirs] = await Promise.all([stat(staged), stat(target)]);
  return mine.ino !== theirs.ino || mine.dev !== theirs.dev;
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
