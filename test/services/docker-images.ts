/**
 * The images that tests need, made once for each state of the sources: every engine begins with a copy of the folder that
 * they were made in. Layers are never changed, so that their files are links, and a copy costs no room.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { entriesOf } from '../../scripts/images/context.ts';
import { buildNodeBase, buildPythonBase } from '../../scripts/images/machine.ts';
import { buildSluice, sources } from '../../scripts/images/sluice.ts';
import { claim } from '../../src/worker/claim.ts';
import { isRunning } from '../helpers/processes.ts';
import { installedIn, run } from './installation.ts';

const BASE = 'sluice-base:test';
const PYTHON = 'sluice-python:test';

/** Containers are refused a root below a link. */
const enginesFolder = (): string => realpathSync(installedIn('docker'));

/** The folder of an engine that has yet to start, by whose it is. */
export const engineFolder = (): string => join(enginesFolder(), 'engines', `${process.pid}-${randomUUID()}`);

/** Fills the folder of an engine that has yet to start. `withEngine` runs one on another folder for as long as it works. */
export async function copyImages(
  to: string,
  withEngine: (data: string, work: (client: Docker) => Promise<void>) => Promise<void>,
): Promise<void> {
  const free = await lock();
  try {
    await removeAbandoned();
    const data = join(enginesFolder(), 'images');
    const state = await stateOfSources();
    const stateFile = join(enginesFolder(), 'state');
    const made = existsSync(stateFile) ? await readFile(stateFile, 'utf8') : '';
    if (made !== state) {
      await rm(stateFile, { force: true });
      await mkdir(data, { recursive: true });
      await withEngine(data, buildAll);
      await writeFile(stateFile, state);
    }
    await mkdir(to, { recursive: true });
    await run('cp', ['-al', join(data, 'overlay2'), to]);
    // What is in here is replaced, but also written to where it lies.
    await run('cp', ['-a', join(data, 'image'), to]);
  } finally {
    free();
  }
}

/** What tests that were killed have left. */
async function removeAbandoned(): Promise<void> {
  const folder = join(enginesFolder(), 'engines');
  for (const name of await readdir(folder).catch(() => []))
    if (!isRunning(Number.parseInt(name, 10))) await rm(join(folder, name), { recursive: true, force: true });
}

const LOCK_MS = 600_000;

async function lock(): Promise<() => void> {
  const deadline = Date.now() + LOCK_MS;
  for (;;) {
    const free = claim(join(enginesFolder(), 'lock'));
    if (free) return free;
    if (Date.now() > deadline) throw new Error('another test file makes the images, and does not end');
    await sleep(50);
  }
}

async function stateOfSources(): Promise<string> {
  const own = await entriesOf(join(import.meta.dirname, '../../scripts/images'), 'images');
  const hash = createHash('sha256').update(process.version);
  for (const entry of [...own, ...(await sources())]) {
    hash.update(`${entry.name}\0`);
    if ('path' in entry) hash.update(readFileSync(entry.path)).update('\0');
  }
  return hash.digest('hex');
}

async function buildAll(client: Docker): Promise<void> {
  await buildNodeBase(client, BASE);
  await buildPythonBase(client, PYTHON);
  for (const target of ['worker', 'server'] as const)
    await buildSluice(client, { target, tag: `sluice-${target}:test`, base: BASE });
  // What was made of sources that are no more.
  await client.pruneImages();
}
