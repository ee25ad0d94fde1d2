/** Gives a staged file its name, once and for all, however often it is tried. */
import { link, mkdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crashPoint } from '../../engine/crash-point.ts';
import { systemCode } from '../../errors.ts';

/** Moves it to `path`, replacing what is there. A staged file that is gone was published before. */
export async function publishReplacing(staged: string, path: string): Promise<string> {
  for (;;) {
    await mkdir(dirname(path), { recursive: true });
    crashPoint('file.rename');
    const again = await rename(staged, path).then(
      () => false,
      error => folderIsGone(error, staged),
    );
    crashPoint('file.renamed');
    if (!again) return path;
  }
}

/**
 * Moves it to the first of `path(0)`, `path(1)` … that is free: what another job, or an earlier pane, has published
 * there is never replaced.
 */
export async function publishBeside(staged: string, path: (attempt: number) => string): Promise<string> {
  for (let attempt = 0; ; ) {
    const target = path(attempt);
    await mkdir(dirname(target), { recursive: true });
    crashPoint('file.rename');
    const outcome = await link(staged, target).then(
      () => 'published',
      error => linkFailed(error, staged, target),
    );
    crashPoint('file.renamed');
    if (outcome === 'taken') attempt++;
    if (outcome !== 'published') continue;
    await unlink(staged).catch(ignoreMissing);
    return target;
  }
}

/** `taken`: another file has the name; `published`: there is nothing left to do; `again`: the folder was removed. */
async function linkFailed(
  error: unknown,
  staged: string,
  target: string,
): Promise<'taken' | 'published' | 'again'> {
  if (systemCode(error) !== 'EEXIST') return (await folderIsGone(error, staged)) ? 'again' : 'published';
  const mine = await stat(staged).catch(ignoreMissing);
  const theirs = await stat(target);
  return !mine || (mine.ino === theirs.ino && mine.dev === theirs.dev) ? 'published' : 'taken';
}

/** True when another worker's clean-up took the folder away; false when the file was published before. */
async function folderIsGone(error: unknown, staged: string): Promise<boolean> {
  if (systemCode(error) !== 'ENOENT') throw error;
  return (await stat(staged).catch(ignoreMissing)) !== undefined;
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
}
