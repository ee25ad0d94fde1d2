/** Which store keeps a path, and what the path means there. */
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import type { ObjectStore } from './store.ts';

export interface Location {
  store: ObjectStore;
  bucket: string;
  /** The name of an object, or how names begin. */
  name: string;
}

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9]$/;
const MAX_NAME_BYTES = 1024;

/** A client for each store that this process has met: they keep their connections. */
const stores = new Map<string, Promise<ObjectStore>>();

/** True for a path that an object store keeps: `s3://`, and `gs://` where the configuration names a Cloud Storage. */
export function isObject(path: string, { storageHost, googleCredentials }: Config): boolean {
  if (path.startsWith('s3://')) return true;
  return path.startsWith('gs://') && (storageHost !== undefined || googleCredentials !== undefined);
}

/** @throws SluiceError as `requireNameable` */
export async function locate(path: string, config: Config): Promise<Location> {
  requireNameable(path);
  const { scheme, bucket, name } = partsOf(path);
  return { store: await (scheme === 's3' ? s3(config) : gcs(config)), bucket, name };
}

/** @throws SluiceError INPUT_NOT_FOUND for a path without a valid bucket, or with too long a name */
export function requireNameable(path: string): string {
  const { bucket, name } = partsOf(path);
  if (!BUCKET.test(bucket))
    throw new SluiceError('INPUT_NOT_FOUND', `${path.slice(0, 300)}: "${bucket}" is not a bucket name`);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new SluiceError(
      'INPUT_NOT_FOUND',
      `${path.slice(0, 80)}…: the name of an object has at most ${MAX_NAME_BYTES} bytes`,
    );
  return path;
}

function partsOf(path: string): { scheme: string; bucket: string; name: string } {
  const [, scheme = '', bucket = '', name = ''] = /^(gs|s3):\/\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return { scheme, bucket, name };
}

function gcs(config: Config): Promise<ObjectStore> {
  return kept(`gs ${config.storageHost}`, async () => (await import('./gcs.ts')).openGcs(config));
}

function s3(config: Config): Promise<ObjectStore> {
  return kept(`s3 ${config.s3Endpoint} ${config.s3Region}`, async () =>
    (await import('./s3.ts')).openS3(config),
  );
}

function kept(key: string, open: () => Promise<ObjectStore>): Promise<ObjectStore> {
  const store = stores.get(key) ?? open();
  stores.set(key, store);
  return store;
}
