/** What an image is built from, as a tar in which nothing depends on the machine or the day. */
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pack } from 'tar-stream';

/** An entry of the context, by its name there. */
export type ContextEntry = { name: string } & (
  | { path: string }
  | { text: string; mode?: number }
  | { link: string }
  | { isFolder: true; mode: number }
);

/** A file or a link of this machine, or all that lie below a folder. */
export async function entriesOf(path: string, name: string): Promise<ContextEntry[]> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return [{ name, link: await readlink(path) }];
  if (!stats.isDirectory()) return [{ name, path }];
  const names = (await readdir(path)).sort();
  const below = await Promise.all(names.map(each => entriesOf(join(path, each), `${name}/${each}`)));
  return below.flat();
}

const FIXED = { mtime: new Date(0), uid: 0, gid: 0 };
const [PLAIN, RUNNABLE] = [0o644, 0o755];

/** Writes the entries into a tar as fast as it is read. */
export async function fillTar(tar: Pack, entries: ContextEntry[]): Promise<void> {
  for (const entry of withFolders(entries)) {
    const { name } = entry;
    if ('link' in entry) tar.entry({ ...FIXED, name, type: 'symlink', linkname: entry.link });
    else if ('isFolder' in entry) tar.entry({ ...FIXED, name, type: 'directory', mode: entry.mode });
    else if ('text' in entry) await addFile(tar, name, entry.mode ?? PLAIN, Buffer.from(entry.text));
    else await addFile(tar, name, await modeOf(entry.path), await readFile(entry.path));
  }
  tar.finalize();
}

/** Each folder before what is in it: what is only implied, the engine would make with the time of day. */
function withFolders(entries: ContextEntry[]): ContextEntry[] {
  const byName = new Map(entries.map(entry => [entry.name, entry]));
  for (const name of entries.flatMap(entry => foldersOf(entry.name)))
    if (!byName.has(name)) byName.set(name, { name, isFolder: true, mode: RUNNABLE });
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

function addFile(tar: Pack, name: string, mode: number, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry({ ...FIXED, name, mode }, content, error => (error ? reject(error) : resolve()));
  });
}

/** What the umask of whoever has checked out the sources has made of it is of no concern. */
async function modeOf(path: string): Promise<number> {
  const { mode } = await stat(path);
  return (mode & 0o100) !== 0 ? RUNNABLE : PLAIN;
}
