/** Cloud Storage through Google's client, or an emulator of it. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FileMetadata, Storage, StorageOptions } from '@google-cloud/storage';
import type { Config } from '../../config.ts';
import { openDownloads } from './download.ts';
import { statusOf } from './retry.ts';
import type { ObjectStore, PutOptions, StoredObject } from './store.ts';

const PAGE = 1000;
const FIELDS = 'items(name,size,generation,updated),nextPageToken';
const MARK = 'sluice-mark';

/** Larger ones are put in pieces, of which one that fails is put again. A multiple of 256 KiB. */
const PIECE_BYTES = 8 << 20;
const FEW_BYTES = 1 << 20;

/** Without retries of its own `retry.ts` decides; an upload goes on from its last piece only by the client's. */
const NO_RETRY = { autoRetry: false, maxRetries: 0 };
const PIECES_RETRY = { autoRetry: true, maxRetries: 5, retryDelayMultiplier: 2, totalTimeout: 60 };

export async function openGcs({ storageHost }: Config): Promise<ObjectStore> {
  const { Storage: Client } = await import('@google-cloud/storage');
  const options: StorageOptions = storageHost === undefined ? {} : emulator(storageHost);
  const [storage, uploads] = withoutVariable(
    () =>
      [
        new Client({ ...options, retryOptions: NO_RETRY }),
        new Client({ ...options, retryOptions: PIECES_RETRY }),
      ] as const,
  );
  const file = (bucket: string, name: string) => storage.bucket(bucket).file(name);
  const download = openDownloads(storage, storageHost !== undefined);
  const metadataOf = async (bucket: string, name: string): Promise<FileMetadata | undefined> => {
    try {
      const [metadata] = await file(bucket, name).getMetadata();
      return metadata;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  };

  return {
    list: (bucket, prefix) => pages(storage, bucket, prefix),
    async check(bucket) {
      await storage.bucket(bucket).getFiles({ autoPaginate: false, maxResults: 1 });
    },
    async stat(bucket, name) {
      const metadata = await metadataOf(bucket, name);
      return metadata && objectOf(name, metadata);
    },
    async markOf(bucket, name) {
      const mark = (await metadataOf(bucket, name))?.metadata?.[MARK];
      return typeof mark === 'string' ? mark : undefined;
    },
    read: (bucket, name, generation, start, end) => download({ bucket, name, generation, start, end }),
    async put(bucket, name, body, options) {
      const { stream, size } =
        options.size === undefined ? await begun(body) : { stream: body, size: options.size };
      const upload = uploadOf({ ...options, size });
      const client = upload.resumable ? uploads : storage;
      await pipeline(stream, client.bucket(bucket).file(name).createWriteStream(upload));
    },
    async delete(bucket, name) {
      await file(bucket, name).delete({ ignoreNotFound: true });
    },
  };
}

function emulator(host: string): StorageOptions {
  return { apiEndpoint: /^https?:\/\//.test(host) ? host : `http://${host}`, projectId: 'local' };
}

/** The client would take the variable for a URL with a path, which nobody writes there. */
function withoutVariable<T>(work: () => T): T {
  const { STORAGE_EMULATOR_HOST: host } = process.env;
  delete process.env.STORAGE_EMULATOR_HOST;
  try {
    return work();
  } finally {
    if (host !== undefined) process.env.STORAGE_EMULATOR_HOST = host;
  }
}

async function* pages(storage: Storage, bucket: string, prefix: string): AsyncGenerator<StoredObject[]> {
  let pageToken: string | undefined;
  do {
    const query = { prefix, autoPaginate: false, maxResults: PAGE, fields: FIELDS };
    const [files, next] = await storage
      .bucket(bucket)
      .getFiles({ ...query, ...(pageToken && { pageToken }) });
    // Asked for some fields, the client gives what came as it is.
    yield (files as unknown as FileMetadata[]).map(each => objectOf(each.name ?? '', each));
    pageToken = (next as { pageToken?: string } | null)?.pageToken;
  } while (pageToken);
}

const objectOf = (name: string, { size, generation, updated }: FileMetadata): StoredObject => ({
  name,
  size: Number(size ?? 0),
  version: String(generation ?? ''),
  modifiedMs: Date.parse(updated ?? '') || 0,
});

/** How many bytes there are, where they are few: an upload in pieces takes more requests. */
async function begun(body: Readable): Promise<{ stream: Readable | AsyncIterable<Buffer>; size?: number }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const rest = body[Symbol.asyncIterator]();
  while (size <= FEW_BYTES) {
    const { value, done } = await rest.next();
    if (done) return { stream: Readable.from(chunks, { objectMode: false }), size };
    chunks.push(value);
    size += value.length;
  }
  const all = async function* () {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => rest };
  };
  return { stream: all() };
}

function uploadOf({ mark, over, size }: PutOptions) {
  const inPieces = size === undefined || size > PIECE_BYTES;
  return {
    resumable: inPieces,
    ...(inPieces && { chunkSize: PIECE_BYTES }),
    validation: 'crc32c',
    contentType: 'application/octet-stream',
    ...(mark !== undefined && { metadata: { metadata: { [MARK]: mark } } }),
    ...(over !== undefined && { preconditionOpts: { ifGenerationMatch: over === null ? 0 : over } }),
  } as const;
}
