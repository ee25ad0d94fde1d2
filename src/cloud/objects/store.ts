/** What an object store is to us: Cloud Storage and S3 behind the few calls that files need. */
import type { Readable } from 'node:stream';

export interface StoredObject {
  name: string;
  size: number;
  /** Another whenever the object is replaced: its generation, or its ETag. */
  version: string;
  modifiedMs: number;
}

export interface PutOptions {
  /** Kept with the object, to tell it from what others have put there: see `mark`. */
  mark?: string;
  /** The version it may replace; null: there may be none; absent: it replaces whatever is there. */
  over?: string | null;
  /** How many bytes there will be, where that is known. */
  size?: number;
}

/** The calls throw the client's own errors, which `retry.ts` understands. */
export interface ObjectStore {
  /** All objects whose names begin so, in pages. */
  list(bucket: string, prefix: string): AsyncIterable<StoredObject[]>;
  /** Throws unless the bucket is there and its objects may be listed. */
  check(bucket: string): Promise<void>;
  stat(bucket: string, name: string): Promise<StoredObject | undefined>;
  /** The `mark` that an object was put with. */
  markOf(bucket: string, name: string): Promise<string | undefined>;
  /** The bytes of `[start, end)`, which are not none, of this very version. */
  read(bucket: string, name: string, version: string, start: number, end: number): Promise<Readable>;
  /** Puts an object: nothing is seen of it before it is whole. */
  put(bucket: string, name: string, body: Readable, options: PutOptions): Promise<void>;
  delete(bucket: string, name: string): Promise<void>;
}
