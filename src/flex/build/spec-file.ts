/** The file that a spec is written to: that it can be is known before the image is built. */
import { randomUUID } from 'node:crypto';
import { access, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isObject } from '../../cloud/objects/locate.ts';
import { checkBucket, putObject } from '../../cloud/objects/objects.ts';
import { localPath } from '../../cloud/storage.ts';
import type { Config } from '../../config.ts';
import { SluiceError, systemCode } from '../../errors.ts';

export interface SpecFile {
  write(text: string): Promise<void>;
  /** Nothing is written: nothing is left. */
  abandon(): Promise<void>;
}

/** @throws SluiceError OUTPUT_UNWRITABLE, and what keeps a bucket from being used */
export async function openSpecFile(path: string, config: Config): Promise<SpecFile> {
  if (isObject(path, config)) {
    await checkBucket(path, config);
    return {
      write: async text => void (await putObject(path, () => bytesOf(text), {}, config)),
      abandon: async () => {},
    };
  }
  const file = localPath(path, config);
  return writing(path, () => openLocal(path, file));
}

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** Others see the old spec or the new one. */
async function openLocal(path: string, file: string): Promise<SpecFile> {
  const folder = dirname(file);
  // A bucket of the local cloud is there by its name alone.
  await (path.startsWith('gs://') ? mkdir(folder, { recursive: true }) : access(folder));
  if ((await stat(file).catch(() => undefined))?.isDirectory() || /\/$/.test(path))
    throw new SluiceError('OUTPUT_UNWRITABLE', `the spec cannot be written to ${path}: it is a folder`);
  const draft = join(folder, `.${basename(file)}-${randomUUID()}`);
  await (await open(draft, 'wx')).close();
  return {
    write: text =>
      writing(path, async () => {
        const opened = await open(draft, 'w');
        await opened.writeFile(text);
        await opened.sync();
        await opened.close();
        await rename(draft, file);
      }),
    abandon: () => rm(draft, { force: true }),
  };
}

async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const why =
      systemCode(error) === 'ENOENT' ? 'there is no such folder' : (systemCode(error) ?? String(error));
    throw new SluiceError('OUTPUT_UNWRITABLE', `the spec cannot be written to ${path}: ${why}`, {
      cause: error,
    });
  }
}
