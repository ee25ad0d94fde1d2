/** How a server comes onto this machine: what is installed where, and how that is asked for. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { chown, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

export interface Installation {
  name: string;
  /** What it is, with its version and where it comes from. */
  what: string;
  isInstalled(): boolean;
  /** Why this machine cannot have it; undefined when it can. */
  impossible(): string | undefined;
  install(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');

/** Where a server is installed to: beside the packages or, where those may not be written, in the home. */
export function installedIn(name: string): string {
  const near = join(root, 'node_modules/.cache');
  const base = isWritable(near) ? near : join(homedir(), '.cache/sluice');
  const folder = join(base, 'services', name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program of the installation to its end; throws with what it said when it fails. */
export function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number; gid?: number } = {},
): Promise<string> {
  const child = spawn(command, args, {
    ...options,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new Error(`${command} ${args.join(' ')}: ${why}\n${said.slice(-4000)}`));
    child.once('error', error => fail(error.message));
    child.once('close', status => (status === 0 ? resolve(said) : fail(`status ${status}`)));
  });
}

/** The path of a command, or undefined where there is none of that name. */
export function onPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map(folder => join(folder, command)).find(path => existsSync(path));
}

/** What is needed of these commands and not there, in words; undefined when nothing is. */
export function lacking(...commands: string[]): string | undefined {
  const absent = commands.filter(command => !onPath(command));
  return absent.length > 0 ? `it needs ${absent.join(' and ')}` : undefined;
}

export const isRoot = process.getuid?.() === 0;

/** The jars of a Maven project of ours into a folder, with checksums that must fit. */
export async function copyJars(pom: string, folder: string): Promise<void> {
  const settings = ['-B', '-q', '--strict-checksums', '-f', pom];
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  await run('mvn', [...settings, plugin, `-DoutputDirectory=${folder}`], { cwd: dirname(pom) });
}

export const hasFiles = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;

/** Builds a Go program as the go.mod and go.sum of this folder pin it. */
export async function buildGo(folder: string, path: string, program: string): Promise<void> {
  const building = `${program}.building`;
  await run('nice', ['-n', '19', 'go', 'build', '-mod=readonly', '-o', building, path], {
    cwd: join(import.meta.dirname, folder),
  });
  await rename(building, program);
}

/**
 * A file of Maven's central repository, by its path there, or an error where its checksum is another: for what Maven
 * itself does not copy, since the descriptor above it was never published.
 */
export async function download(path: string, checksum: string, to: string): Promise<void> {
  const plugin = 'org.apache.maven.plugins:maven-help-plugin:3.4.0:evaluate';
  const told = await run('mvn', [
    '-B',
    '-q',
    plugin,
    '-Dexpression=project.repositories[0].url',
    '-DforceStdout',
  ]);
  const [central] = /https:\/\/[\w./-]+/.exec(told) ?? [];
  const response = await fetch(`${central}/${path}`);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const found = sha256(bytes);
  if (found !== checksum) throw new Error(`${path}: its checksum is ${found}, and not ${checksum}`);
  await writeFile(to, bytes);
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Installs packages of Debian, which takes root. */
export async function installDebian(...names: string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', ...names], { env });
  // The lists of a fresh image are empty or old.
  await install().catch(() => run('apt-get', ['update'], { env }).then(install));
}

export interface User {
  uid: number;
  gid: number;
}

/** Whom a server runs as that refuses root: this user or, where there is none, nobody; undefined: ourselves. */
export async function userOf(name: string): Promise<User | undefined> {
  if (!isRoot) return undefined;
  const idOf = (option: string, of: string) => run('id', [option, of]);
  const ids = (of: string) => Promise.all([idOf('-u', of), idOf('-g', of)]);
  const [uid, gid] = await ids(name).catch(() => ids('nobody'));
  return { uid: Number(uid), gid: Number(gid) };
}

/** Writes a file that only this user reads, and gives its path. */
export async function writeFor(user: User | undefined, path: string, text: string): Promise<string> {
  await writeFile(path, text, { mode: 0o600 });
  if (user) await chown(path, user.uid, user.gid);
  return path;
}
