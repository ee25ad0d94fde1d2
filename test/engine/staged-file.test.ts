import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cutBack, stagedFile } from '../../src/engine/staged-file.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const MIB = 1 << 20;

test('what gathers while something is written follows it, and a length holds what was appended before', async t => {
  const path = join(await temporaryFolder(t), 'staged');
  const file = stagedFile(path, 0);
  const pieces = Array.from({ length: 40 }, (_, i) => Buffer.alloc(MIB / 2 + i, i));
  await Promise.all(pieces.slice(0, 30).map(piece => file.append(piece)));
  const length = await file.sync();
  assert.equal(file.pendingBytes, 0);
  await Promise.all(pieces.slice(30).map(piece => file.append(piece)));
  await file.sync();
  assert.ok((await readFile(path)).equals(Buffer.concat(pieces)));
  await cutBack(path, length);
  assert.ok((await readFile(path)).equals(Buffer.concat(pieces.slice(0, 30))));
});

test('who appends or makes durable is told of what could not be written', async t => {
  const folder = await temporaryFolder(t);
  const file = stagedFile(join(folder, 'staged'), 0);
  await rm(folder, { recursive: true });
  await file.append(Buffer.alloc(4 * MIB));
  await assert.rejects(file.append(Buffer.alloc(4 * MIB)), { code: 'ENOENT' });
  await assert.rejects(file.sync(), { code: 'ENOENT' });
});
