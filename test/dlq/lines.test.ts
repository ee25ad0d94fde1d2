import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { linesOf } from '../../src/dlq/lines.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** `offset:line`, or `offset!fault`. */
async function read(t: TestContext, bytes: string | Buffer, options = {}): Promise<string[]> {
  const path = join(await temporaryFolder(t), 'f');
  await writeFile(path, bytes);
  const lines = await Array.fromAsync(linesOf(path, options));
  return lines.map(each => ('line' in each ? `${each.offset}:${each.line}` : `${each.offset}!${each.fault}`));
}

test('lines have the offsets they begin at, and the last one needs no newline', async t => {
  assert.deepEqual(await read(t, 'ab\n\nü\nend'), ['0:ab', '3:', '4:ü', '7:end']);
  assert.deepEqual(await read(t, ''), []);
  assert.deepEqual(await read(t, '\n'), ['0:']);
});

test('a line that is too long is told and passed over', async t => {
  const long = 'x'.repeat(700_000);
  const said = await read(t, `a\n${long}\nb\n${long}`, { maxBytes: 600_000 });
  const fault = 'it is longer than 600000 bytes';
  assert.deepEqual(said, ['0:a', `2!${fault}`, '700003:b', `700005!${fault}`]);
});

test('a line over several chunks is whole', async t => {
  const long = 'y'.repeat(700_000);
  assert.deepEqual(await read(t, `a\n${long}\nb\n`), ['0:a', `2:${long}`, '700003:b']);
});

test('only the lines that begin before the end asked for are read', async t => {
  assert.deepEqual(await read(t, 'a\nb\nc\n', { end: 4 }), ['0:a', '2:b']);
  assert.deepEqual(await read(t, 'a\n', { end: 0 }), []);
});

test('compressed files are read, and one that is torn is told after what could be read', async t => {
  const bytes = gzipSync('a\nb\n');
  assert.deepEqual(await read(t, bytes, { compression: 'gzip' }), ['0:a', '2:b']);
  const torn = await read(t, Buffer.from('no gzip'), { compression: 'gzip' });
  assert.deepEqual(torn, ['0!the file cannot be read on: incorrect header check']);
});
