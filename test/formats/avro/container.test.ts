import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { avroCodecs } from '../../../src/formats/avro/codecs.ts';
import { blockReader, blockWriter, readHeader, writeHeader } from '../../../src/formats/avro/container.ts';
import { createOutput } from '../../../src/formats/avro/output.ts';
import { openByteSource } from '../../../src/formats/byte-source.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const MARKER = Buffer.alloc(16, 7);
const SCHEMA = JSON.stringify({ type: 'record', name: 'R', doc: 'x'.repeat(100_000), fields: [] });

for (const codec of avroCodecs) {
  test(`${codec}: blocks come back, one after the other and from any of their offsets`, async t => {
    const path = join(await temporaryFolder(t), 'file.avro');
    const write = await blockWriter(codec, MARKER);
    const contents = [Buffer.from('a'.repeat(5000)), randomBytes(300_000), Buffer.alloc(0)];
    const blocks = await Promise.all(contents.map((bytes, i) => write(bytes, i + 1)));
    await writeFile(path, Buffer.concat([writeHeader(SCHEMA, codec, MARKER), ...blocks]));

    const file = await openByteSource(path);
    t.after(() => file.close());
    const header = await readHeader(file);
    assert.deepEqual({ ...header, bytes: 0 }, { schema: SCHEMA, codec, marker: MARKER, bytes: 0 });
    const read = await blockReader(file, header);
    const offsets: number[] = [];
    let at = header.bytes;
    for (const [i, content] of contents.entries()) {
      offsets.push(at);
      const block = await read(at);
      assert.equal(block?.count, i + 1);
      assert.ok(block?.bytes.equals(content));
      at = block?.next ?? 0;
    }
    assert.equal(await read(at), undefined);
    assert.equal((await read(offsets[1] ?? 0))?.count, 2);
  });
}

test('files that are cut off, or hold what they cannot, are refused in words', async t => {
  const folder = await temporaryFolder(t);
  const open = async (bytes: Buffer) => {
    const path = join(folder, 'bad.avro');
    await writeFile(path, bytes);
    const file = await openByteSource(path);
    t.after(() => file.close());
    return file;
  };
  const fails = (work: Promise<unknown>, message: RegExp) =>
    assert.rejects(work, { code: 'INPUT_UNREADABLE', message });
  const first = async (bytes: Buffer) => {
    const file = await open(bytes);
    const header = await readHeader(file);
    return (await blockReader(file, header))(header.bytes);
  };
  await fails(readHeader(await open(Buffer.from('{"a":1}'))), /no file of Avro/);
  await fails(readHeader(await open(Buffer.from('Obj\x01', 'latin1'))), /ends within/);
  const foreign = createOutput();
  foreign.bytes(Buffer.from('Obj\x01', 'latin1'));
  foreign.long(1);
  foreign.text('avro.codec');
  foreign.text('xz');
  foreign.long(0);
  foreign.bytes(MARKER);
  await fails(readHeader(await open(foreign.take())), /compressed with xz; there are null, deflate/);

  const header = writeHeader('"int"', 'deflate', MARKER);
  const write = await blockWriter('deflate', MARKER);
  const block = await write(Buffer.from('abc'), 1);
  await fails(first(Buffer.concat([header, block.subarray(0, -1)])), /ends within a block/);
  await fails(first(Buffer.concat([header, block.subarray(0, -1), Buffer.of(0)])), /marker of the file/);
  const claims = createOutput();
  claims.long(1);
  claims.long(2 ** 40);
  await fails(first(Buffer.concat([header, claims.take()])), /more than 256 MiB/);
  const spoilt = Buffer.from(block);
  spoilt.fill(0xff, 2, 6);
  await fails(first(Buffer.concat([header, spoilt])), /cannot be decompressed/);
});

test('a bomb is refused before it fills the memory', async t => {
  const folder = await temporaryFolder(t);
  for (const codec of ['deflate', 'zstandard'] as const) {
    const path = join(folder, codec);
    const write = await blockWriter(codec, MARKER);
    const bomb = await write(Buffer.alloc((1 << 28) + 1), 1);
    assert.ok(bomb.length < 1 << 20);
    await writeFile(path, Buffer.concat([writeHeader('"bytes"', codec, MARKER), bomb]));
    const file = await openByteSource(path);
    t.after(() => file.close());
    const header = await readHeader(file);
    const read = await blockReader(file, header);
    await assert.rejects(read(header.bytes), { code: 'INPUT_UNREADABLE', message: /cannot be decompressed/ });
  }
});
