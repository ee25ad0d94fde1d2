/** Sluice's own images, from the Dockerfile at the top, with the packages that are installed here. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { VERSION } from '../../src/program.ts';
import { buildImage, isBuilt, type Tell } from './build.ts';
import { type ContextEntry, entriesOf } from './context.ts';

const run = promisify(execFile);
const root = dirname(dirname(import.meta.dirname));
const SOURCES = ['package.json', 'package-lock.json', 'bin', 'templates', 'udfs', 'src', 'docker'];

export interface SluiceImage {
  target: 'worker' | 'server';
  tag: string;
  base: string;
}

/** Packages are brought to the engine once for each state of the lockfile. Gives the images that were made on the way, the last first. */
export async function buildSluice(
  docker: Docker,
  { target, tag, base }: SluiceImage,
  tell?: Tell,
): Promise<string[]> {
  const modules = tag.replace(/^[^:]*/, 'sluice-modules');
  const before = await buildModules(docker, { tag: modules, base }, tell);
  const args = { BASE_IMAGE: modules, VERSION };
  const made = await buildImage(docker, { tag, target, args, context: await sources() }, tell);
  return [...made, ...before];
}

/** All that the Dockerfile reads, but for packages. */
export async function sources(): Promise<ContextEntry[]> {
  const entries = await Promise.all(
    ['Dockerfile', ...SOURCES].map(name => entriesOf(join(root, name), name)),
  );
  return entries.flat();
}

/** The base with the packages. */
async function buildModules(
  docker: Docker,
  { tag, base }: { tag: string; base: string },
  tell?: Tell,
): Promise<string[]> {
  const { Id: baseId } = await docker.getImage(base).inspect();
  const staged = await stagedModules();
  const state = sha256(baseId + staged.state + (await readFile(join(root, 'Dockerfile'), 'utf8')));
  if (await isBuilt(docker, tag, state)) return [];
  const context = [...(await sources()), ...(await entriesOf(staged.folder, 'staged/node_modules'))];
  return buildImage(docker, { tag, state, target: 'packages', args: { BASE_IMAGE: base }, context }, tell);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Lockfile {
  packages: Record<string, { dev?: boolean }>;
}

/** The folder of the packages that are needed when programs run, copied once for each state of the lockfile. */
async function stagedModules(): Promise<{ folder: string; state: string }> {
  const lock = await readFile(join(root, 'package-lock.json'), 'utf8');
  const lean = join(root, 'docker/lean.sh');
  const state = sha256(lock + (await readFile(lean, 'utf8'))).slice(0, 16);
  const cache = join(root, 'node_modules/.cache/images');
  const folder = join(cache, state);
  if (existsSync(folder)) return { folder, state };
  const growing = `${folder}.${process.pid}`;
  const { packages } = JSON.parse(lock) as Lockfile;
  // Packages that lie within others come with them.
  const tops = Object.entries(packages).flatMap(([path, { dev }]) =>
    dev || path.lastIndexOf('node_modules/') !== 0 ? [] : path.slice('node_modules/'.length),
  );
  await rm(cache, { recursive: true, force: true });
  for (const name of tops.filter(isForThisMachine)) {
    const from = join(root, 'node_modules', name);
    await mkdir(dirname(join(growing, name)), { recursive: true });
    if (existsSync(from)) await cp(from, join(growing, name), { recursive: true, verbatimSymlinks: true });
  }
  await run('sh', [lean, growing]);
  await rename(growing, folder);
  return { folder, state };
}

/** The image brings its own Node. */
const isForThisMachine = (name: string): boolean => !/^node-(?:bin|linux)-/.test(name);
