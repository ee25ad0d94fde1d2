/** Reads the files of a template out of an image, which may be anybody's: nothing of it is ever started. */
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { extract, type Headers } from 'tar-stream';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { inTime, isAbsent } from '../launchers/docker/engine.ts';
import { homeHash, labels } from '../launchers/docker/names.ts';
import type { JobContainer } from '../worker/container.ts';
import { TEMPLATE_PATH } from './build/labels.ts';

export type Image = Pick<JobContainer, 'image' | 'imageId'>;

const FOLDER = dirname(TEMPLATE_PATH);
const MAX_ENTRIES = 500;
const MAX_BYTES = 12 * 1024 * 1024;
const MAX_PATH = 300;
const WANTED = /^(?:template\.yaml|groups\/[\w-]+\.yaml|(?:[\w@-][\w@.-]*\/){0,8}[\w@-][\w@.-]*\.m?js)$/;

/**
 * The template file, its groups and its scripts, by their paths in the template's folder.
 * @throws SluiceError IMAGE_INVALID, or what the engine fails with
 */
export async function filesInImage(
  config: Config,
  engine: Docker,
  { image, imageId }: Image,
): Promise<Map<string, string>> {
  const container = await engine.createContainer({
    Image: imageId,
    // It is only looked into; an image without a command of its own could not be made a container.
    Cmd: ['none'],
    Labels: { [labels.home]: homeHash(config), [labels.job]: 'none' },
    NetworkDisabled: true,
    ...inTime(),
  });
  try {
    const archive = await container.getArchive({ path: FOLDER, ...inTime() });
    return await filesIn(archive as Readable, image);
  } catch (error) {
    if (isAbsent(error)) throw invalid(image, `it has no ${FOLDER}`);
    throw error;
  } finally {
    await container.remove({ force: true, v: true });
  }
}

async function filesIn(archive: Readable, image: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const tar = extract();
  let entries = 0;
  let bytes = 0;
  tar.on('entry', (header, content, next) => {
    const path = header.name.slice(FOLDER.length).replace(/\/$/, '');
    entries++;
    bytes += header.size ?? 0;
    const fault = faultOf(header, path, entries, bytes);
    if (fault !== undefined) {
      tar.destroy(invalid(image, fault));
      return;
    }
    const chunks: Buffer[] = [];
    content.on('data', (chunk: Buffer) => void chunks.push(chunk));
    content.on('end', () => {
      if (WANTED.test(path)) files.set(path, Buffer.concat(chunks).toString());
      next();
    });
  });
  await pipeline(archive, tar);
  return files;
}

function faultOf({ type, name }: Headers, path: string, entries: number, bytes: number): string | undefined {
  const isPlain = type === 'file' || type === 'directory';
  if (!isPlain || name.length > MAX_PATH)
    return `${FOLDER}/${path.slice(0, MAX_PATH)} is neither a plain file nor a folder`;
  if (entries > MAX_ENTRIES) return `${FOLDER} has more than ${MAX_ENTRIES} files`;
  if (bytes > MAX_BYTES) return `${FOLDER} has more than ${MAX_BYTES} bytes`;
  return undefined;
}

const invalid = (image: string, why: string): SluiceError =>
  new SluiceError('IMAGE_INVALID', `the image ${image} holds no template that can be used: ${why}`);
