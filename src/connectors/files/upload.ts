/** Uploads a staged file under its name, once and for all, however often it is tried. */
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { markOf, putObject, statObject } from '../../cloud/objects/objects.ts';
import type { Config } from '../../config.ts';
import { crashPoint } from '../../engine/crash-point.ts';
import { SluiceError, systemCode } from '../../errors.ts';

const CHUNK_BYTES = 1 << 18;
/** Others may be faster than we a few times, not for ever. */
const MAX_TAKEN = 20;

/**
 * Puts it at the first of `path(0)`, `path(1)` … where there is nothing, or what `before` says there was: then it is
 * replaced. Each object has a mark, by which one that was put just before a crash is known again.
 * @param owner who stages files of this name, and nobody else
 */
export async function upload(
  staged: string,
  path: (attempt: number) => string,
  owner: string,
  config: Config,
  before: Readonly<Record<string, string>> = {},
): Promise<string> {
  const stats = await stat(staged).catch(error => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
  // It was put before, and removed after that.
  if (!stats) return path(0);
  const mark = markFor(staged, stats, owner);
  for (let attempt = 0, taken = 0; taken < MAX_TAKEN; ) {
    const target = path(attempt);
    const there = await statObject(target, config);
    if (there && (await markOf(target, config)) === mark) return done(staged, target);
    if (there && there.version !== before[target]) {
      attempt++;
      continue;
    }
    crashPoint('file.rename');
    const body = () => createReadStream(staged, { highWaterMark: CHUNK_BYTES });
    const options = { mark, over: there?.version ?? null, size: stats.size };
    const outcome = await putObject(target, body, options, config);
    crashPoint('file.renamed');
    if (outcome === 'put') return done(staged, target);
    taken++;
  }
  throw new SluiceError('OUTPUT_UNWRITABLE', `${path(0)}: others keep putting objects of this name`);
}

async function done(staged: string, target: string): Promise<string> {
  await rm(staged, { force: true });
  return target;
}

/** The same for a staged file that is whole, across restarts, and for no other. */
function markFor(staged: string, { size, mtimeMs }: Stats, owner: string): string {
  return createHash('sha256')
    .update(JSON.stringify([owner, basename(staged), size, mtimeMs]))
    .digest('hex')
    .slice(0, 32);
}
