import assert from 'node:assert/strict';
import { appendFile, chmod, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readFromJson, readFromText } from '../../../src/connectors/files/index.ts';
import { CHUNK_BYTES } from '../../../src/connectors/files/input.ts';
import type { Batch } from '../../../src/engine/batch.ts';
import { positionOf } from '../../../src/engine/batch.ts';
import type { Component, Json, Source } from '../../../src/engine/component.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const never = new AbortController().signal;

async function open(
  t: TestContext,
  component: Component,
  folder: string,
  config: object,
  more = {},
): Promise<Source> {
  assert.equal(component.kind, 'source');
  const source = await component.open({ compression: 'auto', ...config }, contextOf(folder, more));
  t.after(() => source.close(true));
  return source;
}

async function readAll(source: Source): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const batch = await source.read(never);
    if (batch === 'end' || batch === 'idle') return lines;
    for (const text of textsOf(batch)) lines.push(text);
  }
}

/** Lines of all lengths, longer together than several chunks. */
function manyLines(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i} ${'x'.repeat((i * 7919) % 900)}`);
}

test('lines come in order from all files of a pattern, the last one with or without its newline', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'b.txt'), 'three\n\nfour');
  await writeFile(join(folder, 'a.txt'), 'one\ntwo\n');
  await writeFile(join(folder, 'empty.txt'), '');
  await mkdir(join(folder, '.sluice-job'));
  await writeFile(join(folder, '.sluice-job', 'staged.txt'), 'not seen\n');
  const source = await open(t, readFromText, folder, { path: join(folder, '**', '*.txt') });
  assert.deepEqual(await readAll(source), ['one', 'two', 'three', '', 'four']);
});

test('how many bytes are left is known, from the first line to the last and after a restart', async t => {
  const folder = await temporaryFolder(t);
  const lines = manyLines(2000);
  const text = `${lines.join('\n')}\n`;
  await writeFile(join(folder, 'a.txt'), text);
  await writeFile(join(folder, 'b.txt'), 'last\n');
  const packed = gzipSync(text);
  await writeFile(join(folder, 'c.txt.gz'), packed);
  const path = join(folder, '*.txt*');
  const source = await open(t, readFromText, folder, { path });
  const all = text.length + 5 + packed.length;
  assert.deepEqual(source.backlog?.(), { bytes: all });
  await source.read(never);
  const { bytes = 0 } = source.backlog?.() ?? {};
  assert.ok(bytes < all && bytes > packed.length + 5, `${bytes} of ${all}`);
  const again = await open(t, readFromText, folder, { path }, { restored: source.snapshot() });
  assert.deepEqual(again.backlog?.(), { bytes });
  assert.equal((await readAll(again)).at(-1), lines.at(-1));
  assert.deepEqual(again.backlog?.(), { bytes: 0 });
});

test('bytes that are no UTF-8, NULs and a byte order mark come through as they are', async t => {
  const folder = await temporaryFolder(t);
  const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xfe, 0x00, 0xc3]);
  await writeFile(join(folder, 'f'), Buffer.concat([bytes, Buffer.from('\n')]));
  const batch = (await (
    await open(t, readFromText, folder, { path: join(folder, 'f') })
  ).read(never)) as Batch;
  assert.deepEqual(Buffer.from(batch.bytes.subarray(batch.starts[0], batch.ends[0])), bytes);
});

for (const workers of [1, 2, 3, 7]) {
  test(`${workers} workers read each line of a big file once`, async t => {
    const folder = await temporaryFolder(t);
    const lines = manyLines(20_000);
    await writeFile(join(folder, 'f'), lines.join('\n'));
    const shares: string[][] = [];
    for (let index = 0; index < workers; index++) {
      const source = await open(
        t,
        readFromText,
        folder,
        { path: join(folder, 'f') },
        { worker: { index, count: workers } },
      );
      shares.push(await readAll(source));
    }
    assert.deepEqual(shares.flat(), lines);
    assert.ok(shares.every(share => share.length > 0));
  });
}

test('a range that begins exactly at a line takes that line, and no one else does', async t => {
  const folder = await temporaryFolder(t);
  // 2 MiB of lines of 16 bytes: the middle is the beginning of a line.
  const lines = Array.from({ length: 131_072 }, (_, i) => String(i).padStart(15, '0'));
  await writeFile(join(folder, 'f'), `${lines.join('\n')}\n`);
  const shares = await Promise.all(
    [0, 1].map(async index =>
      readAll(
        await open(t, readFromText, folder, { path: join(folder, 'f') }, { worker: { index, count: 2 } }),
      ),
    ),
  );
  assert.deepEqual(shares.flat(), lines);
  assert.equal(shares[0]?.length, 65_536);
});

test('a line longer than many chunks is one element, and its neighbours are unharmed', async t => {
  const folder = await temporaryFolder(t);
  const long = 'y'.repeat(CHUNK_BYTES * 9 + 3);
  await writeFile(join(folder, 'f'), `a\n${long}\nb`);
  assert.deepEqual(await readAll(await open(t, readFromText, folder, { path: join(folder, 'f') })), [
    'a',
    long,
    'b',
  ]);
});

test('gzip is read by its name, also with several members', async t => {
  const folder = await temporaryFolder(t);
  const lines = manyLines(5000);
  const halves = [lines.slice(0, 2000), lines.slice(2000)].map(half => gzipSync(`${half.join('\n')}\n`));
  await writeFile(join(folder, 'f.gz'), Buffer.concat(halves));
  assert.deepEqual(await readAll(await open(t, readFromText, folder, { path: join(folder, 'f.gz') })), lines);
});

test('a broken gzip file is told by name', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'f.gz'), gzipSync('a\n'.repeat(1000)).subarray(0, 20));
  const source = await open(t, readFromText, folder, { path: join(folder, 'f.gz') });
  await assert.rejects(readAll(source), {
    code: 'INPUT_UNREADABLE',
    message: /f\.gz cannot be read: unexpected end of file/,
  });
});

for (const name of ['f', 'f.gz']) {
  test(`reading of ${name} goes on at any checkpoint`, async t => {
    const folder = await temporaryFolder(t);
    const path = join(folder, name);
    const lines = manyLines(3000);
    const bytes = Buffer.from(lines.join('\n'));
    await writeFile(path, name === 'f' ? bytes : gzipSync(bytes));
    const read: string[] = [];
    let position: Json | undefined;
    for (let end = false; !end; ) {
      const source = await open(t, readFromText, folder, { path }, { restored: position });
      const batch = await source.read(never);
      if (typeof batch === 'string') end = true;
      else read.push(...textsOf(batch));
      position = JSON.parse(JSON.stringify(source.snapshot()));
    }
    assert.deepEqual(read, lines);
  });
}

test('a file that changed since the checkpoint is refused', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'f');
  await writeFile(path, 'a\nb\n');
  const restored = (await open(t, readFromText, folder, { path })).snapshot();
  await appendFile(path, 'c\n');
  await assert.rejects(open(t, readFromText, folder, { path }, { restored }), {
    code: 'CHECKPOINT_UNUSABLE',
  });
  await truncate(path, 4);
  await open(t, readFromText, folder, { path }, { restored });
});

test('an element knows its place in the file', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'f');
  await writeFile(path, 'one\ntwo\n');
  const batch = (await (await open(t, readFromText, folder, { path })).read(never)) as Batch;
  assert.equal(positionOf(batch, 1), `${path}:4`);
});

test('gs:// paths live below the home folder and never leave it', async t => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'cloud/gs/bucket/in'), { recursive: true });
  await writeFile(join(folder, 'cloud/gs/bucket/in/f.txt'), 'hello\n');
  const source = await open(t, readFromText, folder, { path: 'gs://bucket/in/*.txt' });
  const batch = (await source.read(never)) as Batch;
  assert.equal(positionOf(batch, 0), 'gs://bucket/in/f.txt:0');
  await assert.rejects(
    open(t, readFromText, folder, { path: 'gs://bucket/../../x' }),
    /may not hold "\." or "\.\." as a segment/,
  );
  await assert.rejects(open(t, readFromText, folder, { path: 'gs://../x' }), /"\.\." is not a bucket name/);
});

const refusals: [string, string, RegExp][] = [
  ['missing.txt', 'INPUT_NOT_FOUND', /there is no file .*missing\.txt/],
  ['*.none', 'INPUT_NOT_FOUND', /no file matches .*\*\.none/],
  ['', 'INPUT_UNREADABLE', /is a folder: name its files, e\.g\. .*\/\*/],
];
for (const [path, code, message] of refusals) {
  test(`reading "${path}" is refused with ${code}`, async t => {
    const folder = await temporaryFolder(t);
    await assert.rejects(open(t, readFromText, folder, { path: join(folder, path) }), { code, message });
  });
}

test('ReadFromJson refuses a line that is no object by its place', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'f');
  await writeFile(path, '{"a":1}\n[1]\n');
  await assert.rejects(readAll(await open(t, readFromJson, folder, { path })), {
    code: 'INPUT_UNREADABLE',
    message: `${path}:8: the line is not a JSON object`,
  });
});

test('a file that may not be read is refused by name', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'f');
  await writeFile(path, 'secret\n');
  await chmod(folder, 0o755);
  await chmod(path, 0);
  // Root may read everything: then someone else has to try.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await assert.rejects(open(t, readFromText, folder, { path }), {
      code: 'INPUT_UNREADABLE',
      message: /f cannot be read: EACCES/,
    });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
