/** Gives a staged file its name, once and for all, however often it is tried. */
import { link, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crashPoint } from '../../engine/crash-point.ts';
import { makeFolder } from '../../engine/folders.ts';
import { systemCode } from '../../errors.ts';

/**
 * Moves it to `path(0)`, replacing the file that was there when the job began, as `before` knows it; what has come since
 * is of a job that runs beside this one, and is not replaced: then the next name is taken.
 */
export async function publishReplacing(
  staged: string,
  path: (attempt: number) => string,
  before: Readonly<Record<string, string>>,
): Promise<string> {
  for (let attempt = 0; ; ) {
    const target = path(attempt);
    const there = await identityOf(target);
    if (there !== undefined && there !== before[target] && (await isThere(staged))) {
      attempt++;
      continue;
    }
    await makeFolder(dirname(target));
    crashPoint('file.rename');
    const again = await rename(staged, target).then(
      () => false,
      error => folderIsGone(error, staged),
    );
    crashPoint('file.renamed');
    if (!again) return target;
  }
}

/** Tells a file from others that have had or will have its name; undefined when there is none. */
export async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found && `${found.dev}:${found.ino}:${found.ctimeNs}`;
}

/**
 * Moves it to the first of `path(0)`, `path(1)` … that is free: what another job, or an earlier pane, has published
 * there is never replaced.
 */
export async function publishBeside(staged: string, path: (attempt: number) => string): Promise<string> {
  for (let attempt = 0; ; ) {
    const target = path(attempt);
    await makeFolder(dirname(target));
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
  return isThere(staged);
}

const isThere = async (path: string): Promise<boolean> =>
  (await stat(path).catch(ignoreMissing)) !== undefined;

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
}
