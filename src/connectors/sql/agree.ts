/** What the workers of a job must see alike is found out by the first that comes. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { systemCode } from '../../errors.ts';

/** The value that `find` gave to the first worker of the job. A worker alone asks nobody. */
export async function agreeOnce(context: StageContext, find: () => Promise<string[]>): Promise<string[]> {
  if (context.worker.count === 1) return find();
  const { jobDirectory, keptAs } = context;
  const folder = await makeStageFolder({ jobDirectory: dirname(jobDirectory), keptAs });
  const path = join(folder, 'agreed.json');
  const known = await readAgreed(path);
  if (known) return known;
  const own = join(folder, randomUUID());
  await writeFile(own, JSON.stringify(await find()), { flush: true });
  try {
    // Whole, and only where none is there yet.
    await link(own, path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(own, { force: true });
  }
  return (await readAgreed(path)) ?? [];
}

async function readAgreed(path: string): Promise<string[] | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
