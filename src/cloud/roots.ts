/** Which files of this machine the jobs of a server may touch: those below its roots, wherever links lead. */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';

/** What lies there is no data: the system's own, and what it tells of its processes. */
const SYSTEM = ['/proc', '/sys', '/dev'];

/** A part of a pattern that would search above its folder, e.g. `{..,data}`. */
const CLIMBS = /(?:^|[/{,(|])\.\.(?:[/},)|]|$)/;

const MAX_SHOWN = 300;

/**
 * Refuses a path that leads out of the roots, or into Sluice's own folder; without roots every path is allowed.
 * A pattern is judged by the folders that it names: each file it finds must be checked as well.
 * @param local absolute, without `..`
 * @param shown the path as the user wrote it
 * @throws SluiceError PATH_FORBIDDEN
 */
export function requireAllowed(local: string, shown: string, { roots, home }: Config): void {
  if (!roots) return;
  const real = realPath(local);
  const isAllowed =
    real !== undefined &&
    !CLIMBS.test(local) &&
    (isOfLetters(local, real, home) ||
      (roots.some(root => isWithin(root, real)) &&
        ![home, ...SYSTEM].some(folder => isWithin(folder, real))));
  if (!isAllowed)
    throw new SluiceError(
      'PATH_FORBIDDEN',
      `${shown.slice(0, MAX_SHOWN)} lies outside the folders that the server may use: start it with --root for its folder, or use another path`,
    );
}

/** Where templates put dead letters that nobody has named a place for: in the folder of their job. */
const LETTERS = /^\/jobs\/[\w-]{1,100}\/dead-letters(?:\/|$)/;

/** Named outright: no pattern leads there. */
function isOfLetters(local: string, real: string, home: string): boolean {
  const realHome = realPath(home) ?? home;
  return (
    local.startsWith(home) &&
    LETTERS.test(local.slice(home.length)) &&
    real === realHome + local.slice(home.length).replace(/\/$/, '')
  );
}

/** Refuses a path that a link leads out of the folder of its bucket. @throws SluiceError PATH_FORBIDDEN */
export function requireInBucket(local: string, shown: string, bucketFolder: string): void {
  const real = realPath(local);
  if (real === undefined || !isWithin(bucketFolder, real))
    throw new SluiceError('PATH_FORBIDDEN', `${shown.slice(0, MAX_SHOWN)} leads out of its bucket by a link`);
}

/** True when a path lies in a folder, or is it; `real` is without links already. */
export function isWithin(folder: string, real: string): boolean {
  const base = realPath(folder) ?? folder;
  return real === base || real.startsWith(base.endsWith('/') ? base : `${base}/`);
}

/**
 * Where a path leads once every link is followed, as far as it exists; undefined for a link that leads nowhere: what is
 * written to it would come to be at its end.
 */
export function realPath(path: string): string | undefined {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    try {
      return join(realpathSync.native(existing), ...missing);
    } catch {
      if (isThere(existing)) return undefined;
      missing.unshift(basename(existing));
    }
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
