/** bzip2, which Node lacks: read by a decoder in JavaScript, written by libbz2 as WebAssembly. */
import { Transform, type TransformCallback } from 'node:stream';

/** The library compresses a buffer at once: this much, a block of bzip2's, becomes a stream of its own. */
const PIECE_BYTES = 900_000;

/** A stream that gives what was compressed; several streams of bzip2 side by side are one. */
export function createBzip2Decompress(): Transform {
  const decoder = untyped('unbzip2-stream').then(({ default: create }): NodeJS.ReadWriteStream => create());
  let finish: TransformCallback = () => {};
  const opened = decoder.then(stream => {
    stream.on('data', chunk => transform.push(chunk));
    stream.on('error', error => transform.destroy(error));
    stream.on('end', () => finish());
    return stream;
  });
  const transform = new Transform({
    transform(chunk, _encoding, done) {
      opened.then(stream => {
        stream.write(chunk);
        done();
      }, done);
    },
    flush(done) {
      finish = done;
      opened.then(stream => stream.end(), done);
    },
  });
  return transform;
}

/** A stream that compresses. */
export function createBzip2Compress(): Transform {
  const pieces = createBzip2Pieces();
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let isEmpty = true;
  const compressPending = async () => {
    const compress = await pieces;
    isEmpty = false;
    const bytes = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    return compress(bytes);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      pending.push(chunk);
      pendingBytes += chunk.length;
      if (pendingBytes < PIECE_BYTES) done();
      else compressPending().then(bytes => done(null, bytes), done);
    },
    flush(done) {
      // Nothing at all is a stream too, of no blocks.
      if (pendingBytes === 0 && !isEmpty) done();
      else compressPending().then(bytes => done(null, bytes), done);
    },
  });
}

/** Gives the function that compresses a piece of a file. */
export async function createBzip2Pieces(): Promise<(bytes: Buffer) => Promise<Buffer>> {
  const library = await load();
  return async bytes => {
    const streams: Buffer[] = [];
    for (let at = 0; at === 0 || at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      // libbz2 asks for 1 % more than there is, and 600 bytes.
      streams.push(Buffer.from(library.compress(piece, 9, Math.ceil(piece.length * 1.01) + 600)));
    }
    return Buffer.concat(streams);
  };
}

/** Neither library says what its types are. */
const untyped = (name: 'bzip2-wasm' | 'unbzip2-stream') => import(name as string);

interface Library {
  init(): Promise<void>;
  compress(bytes: Uint8Array, blockSize: number, maxBytes: number): Uint8Array;
}

let loading: Promise<Library> | undefined;

function load(): Promise<Library> {
  loading ??= start();
  return loading;
}

/** Its start leaves two names behind in the whole program, which are taken away again. */
async function start(): Promise<Library> {
  const { default: BZip2 } = await untyped('bzip2-wasm');
  const library: Library = new BZip2();
  const before = Object.getOwnPropertyNames(globalThis);
  await library.init();
  for (const name of ['__dirname', 'require'])
    if (!before.includes(name)) Reflect.deleteProperty(globalThis, name);
  return library;
}
