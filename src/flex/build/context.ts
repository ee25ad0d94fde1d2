/** The build context: a tar that is the same whenever its files are. */
import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { SluiceError } from '../../errors.ts';
import { FRAGMENT_FILE, OWN_FOLDER } from './dockerfile.ts';
import type { PackedTemplate } from './pack.ts';

/** Where the template lies in the image. */
const TEMPLATE_FOLDER = 'template';
export const DOCKERFILE = `${OWN_FOLDER}/Dockerfile`;

const MAX_FILES = 10_000;
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * The template below `.sluice/root` and, where the user's Dockerfile lines may copy something, the files of the folder:
 * none that are hidden, and no packages.
 */
export async function contextOf({ folder, files }: PackedTemplate, dockerfile: string): Promise<Readable> {
  const entries = new Map([[DOCKERFILE, fileOf(dockerfile)]]);
  for (const [file, text] of files)
    entries.set(`${OWN_FOLDER}/root/${TEMPLATE_FOLDER}/${file}`, fileOf(text));
  const isExtended = folder !== undefined && (await readdir(folder)).includes(FRAGMENT_FILE);
  if (isExtended) await addFolder(folder, entries);
  return tarOf(entries);
}

interface ContextFile {
  content: Buffer;
  isExecutable: boolean;
}

const fileOf = (text: string): ContextFile => ({ content: Buffer.from(text), isExecutable: false });

async function addFolder(folder: string, entries: Map<string, ContextFile>): Promise<void> {
  let bytes = 0;
  const add = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await add(path);
      // A link may lead anywhere, and a pipe is waited for without end.
      if (!entry.isFile()) continue;
      const file = await readWithin(join(folder, path), MAX_BYTES - bytes);
      if (file === undefined || entries.size >= MAX_FILES)
        throw new SluiceError(
          'TEMPLATE_INVALID',
          `${folder} has more than ${MAX_FILES} files or ${MAX_BYTES} bytes for ${FRAGMENT_FILE} to copy from: keep there only what the image needs`,
        );
      bytes += file.content.length;
      entries.set(path, file);
    }
  };
  await add('');
}

async function readWithin(path: string, maxBytes: number): Promise<ContextFile | undefined> {
  const file = await open(path);
  try {
    const { size, mode } = await file.stat();
    if (size > maxBytes) return undefined;
    return { content: await file.readFile(), isExecutable: (mode & 0o100) !== 0 };
  } finally {
    await file.close();
  }
}

const FIXED = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) };

/** By name, each folder before what is in it. */
function tarOf(entries: ReadonlyMap<string, ContextFile>): Readable {
  const tar = pack();
  const folders = new Set([...entries.keys()].flatMap(foldersOf));
  for (const name of [...folders, ...entries.keys()].sort()) {
    const file = entries.get(name);
    if (file) tar.entry({ ...FIXED, name, mode: file.isExecutable ? 0o755 : 0o644 }, file.content);
    else tar.entry({ ...FIXED, name, type: 'directory', mode: 0o755 });
  }
  tar.finalize();
  return tar;
}

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [...foldersOf(folder), folder];
}
