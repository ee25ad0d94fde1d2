/** The replays of a job's dead letters, in the order in which they were launched. */
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { syncDirectory } from '../engine/checkpoint.ts';
import { systemCode } from '../errors.ts';

const folderOf = (config: Config, jobId: string): string => join(jobDirectory(config, jobId), 'replays');

const NUMBER = /^\d{6}$/;

/** The ids of the replays. */
export async function listReplays(config: Config, jobId: string): Promise<string[]> {
  const folder = folderOf(config, jobId);
  const names = await readdir(folder).catch(() => []);
  const noted = names.filter(name => NUMBER.test(name)).sort();
  return Promise.all(noted.map(name => readFile(join(folder, name), 'utf8')));
}

/**
 * Notes a replay as the one after the `before` there were; false when another one was launched meanwhile, so that
 * its letters have to be chosen anew.
 */
export async function addReplay(
  config: Config,
  jobId: string,
  before: number,
  replayId: string,
): Promise<boolean> {
  const folder = folderOf(config, jobId);
  await mkdir(folder, { recursive: true });
  // Complete before it has its number: others may read it at any moment.
  const draft = join(folder, `${replayId}.new`);
  const file = await open(draft, 'wx', 0o600);
  await file.writeFile(replayId);
  await file.sync();
  await file.close();
  const isFirst = await link(draft, join(folder, String(before).padStart(6, '0'))).then(
    () => true,
    error => {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    },
  );
  await unlink(draft);
  if (!isFirst) return false;
  await syncDirectory(folder);
  return true;
}
