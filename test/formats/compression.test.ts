import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import {
  type Compression,
  compressionOf,
  compressions,
  compressor,
  decompressor,
  extensionOf,
  pieceCompressions,
  pieceCompressor,
} from '../../src/formats/compression.ts';

const TEXT = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `${i} ${i * 7919}\n`).join(''));

async function through(stream: NodeJS.ReadWriteStream, bytes: Buffer, chunkBytes = 10_007): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const parts = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
    bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
  );
  const keep = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  await pipeline(Readable.from(parts), stream, keep);
  return Buffer.concat(chunks);
}

for (const compression of compressions) {
  test(`${compression}: what was compressed comes back, in whatever chunks it comes`, async () => {
    for (const bytes of [TEXT, Buffer.from('short'), Buffer.alloc(0)]) {
      const compressed = await through(compressor(compression), bytes);
      assert.ok(bytes.length < 100 || compressed.length < bytes.length / 2);
      assert.ok((await through(decompressor(compression), compressed)).equals(bytes));
      assert.ok((await through(decompressor(compression), compressed, 101)).equals(bytes));
    }
  });

  test(`${compression}: what is broken off, and what was never compressed, fails`, async () => {
    const compressed = await through(compressor(compression), TEXT);
    await assert.rejects(through(decompressor(compression), compressed.subarray(0, compressed.length >> 1)));
    await assert.rejects(through(decompressor(compression), Buffer.from('no such data, but some text')));
  });
}

for (const compression of pieceCompressions) {
  test(`${compression}: pieces side by side are one file`, async () => {
    const compress = await pieceCompressor(compression);
    const pieces = await Promise.all(
      [0, 1, 2].map(i => compress(TEXT.subarray(i * 300_000, (i + 1) * 300_000))),
    );
    const whole = await through(decompressor(compression), Buffer.concat(pieces));
    assert.ok(whole.equals(TEXT.subarray(0, 900_000)));
  });
}

/** Python's own modules: other implementations than ours. */
const PYTHON: Partial<Record<Compression, string>> = { gzip: 'gzip', deflate: 'zlib', bzip2: 'bz2' };

test('Python reads what we write, and we read what Python writes', async () => {
  for (const [compression, module] of Object.entries(PYTHON) as [Compression, string][]) {
    const run = (what: string, input: Buffer) =>
      spawnSync(
        'python3',
        ['-c', `import sys, ${module}; sys.stdout.buffer.write(${module}.${what}(sys.stdin.buffer.read()))`],
        {
          input,
          maxBuffer: 1 << 26,
        },
      ).stdout;
    assert.ok(run('decompress', await through(compressor(compression), TEXT)).equals(TEXT), compression);
    assert.ok((await through(decompressor(compression), run('compress', TEXT))).equals(TEXT), compression);
  }
});

test('a bomb comes block by block, never as a whole', async () => {
  const bomb = await through(compressor('bzip2'), Buffer.alloc(60_000_000), 1 << 20);
  assert.ok(bomb.length < 40_000);
  let largest = 0;
  for await (const chunk of Readable.from([bomb]).pipe(decompressor('bzip2')))
    largest = Math.max(largest, chunk.length);
  assert.ok(largest <= 50_000_000);
});

test('names tell how files are compressed', () => {
  const found = ['a.gz', 'b.csv.zst', 'c.bz2', 'd.deflate', 'e.txt', 'gz'].map(name => compressionOf(name));
  assert.deepEqual(found, ['gzip', 'zstd', 'bzip2', 'deflate', undefined, undefined]);
  for (const compression of compressions)
    assert.equal(compressionOf(`x${extensionOf(compression)}`), compression);
});
