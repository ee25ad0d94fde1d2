import assert from 'node:assert/strict';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readFromText } from '../../../src/connectors/files/index.ts';
import type { Source, StageContext } from '../../../src/engine/component.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

async function openSource(t: TestContext, folder: string, more: Partial<StageContext> = {}): Promise<Source> {
  if (readFromText.kind !== 'source') throw new Error();
  const config = { path: join(folder, 'in/*.txt'), watch_interval: '20ms' };
  const source = await readFromText.open(config, contextOf(folder, more));
  t.after(() => source.close(true));
  return source;
}

/** Makes a file that nobody has written to for a while; the later ones are younger. */
let age = 100;
async function put(folder: string, name: string, ...lines: string[]): Promise<void> {
  const path = join(folder, 'in', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, lines.map(line => `${line}\n`).join(''));
  const at = Date.now() / 1000 - age--;
  await utimes(path, at, at);
}

/** What it gives until it has been silent for `ms`. */
async function readFor(source: Source, ms = 120): Promise<string[]> {
  const signal = AbortSignal.timeout(ms);
  const texts: string[] = [];
  while (!signal.aborted) {
    const batch = await source.read(signal);
    if (typeof batch === 'object') texts.push(...textsOf(batch));
    assert.notEqual(batch, 'end');
  }
  return texts;
}

test('new files are read as they come, the oldest first, each once, changed or not', async t => {
  const folder = await temporaryFolder(t);
  const source = await openSource(t, folder);
  assert.deepEqual(await readFor(source), []);
  await put(folder, 'b.txt', 'first');
  await put(folder, 'a.txt', 'second', 'third');
  assert.deepEqual(await readFor(source), ['first', 'second', 'third']);
  await put(folder, 'b.txt', 'changed');
  await put(folder, 'c.txt', 'fourth');
  assert.deepEqual(await readFor(source), ['fourth']);
  assert.ok(Math.abs(source.watermark() - Date.now()) < 1000);
});

test('a file that is still written to waits', async t => {
  const folder = await temporaryFolder(t);
  await put(folder, 'a.txt', 'one');
  const now = Date.now() / 1000;
  await utimes(join(folder, 'in/a.txt'), now, now);
  const source = await openSource(t, folder);
  assert.deepEqual(await readFor(source), []);
  assert.deepEqual(await readFor(source, 1500), ['one']);
});

test('a restart goes on in the middle of a file, and knows what was read', async t => {
  const folder = await temporaryFolder(t);
  const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${'x'.repeat(20)}`);
  await put(folder, 'a.txt', 'before');
  await put(folder, 'b.txt', ...lines);
  const source = await openSource(t, folder);
  const { signal } = new AbortController();
  const read = [];
  for (let i = 0; i < 2; i++) {
    const batch = await source.read(signal);
    assert.ok(typeof batch === 'object');
    read.push(...textsOf(batch));
  }
  const restored = JSON.parse(JSON.stringify(source.snapshot()));
  await source.read(signal);
  const again = await openSource(t, folder, { restored });
  assert.deepEqual([...read, ...(await readFor(again, 500))], ['before', ...lines]);
});

test('several workers share the files', async t => {
  const folder = await temporaryFolder(t);
  const names = Array.from({ length: 20 }, (_, i) => `${i}`);
  for (const name of names) await put(folder, `${name}.txt`, name);
  const shares = [];
  for (const index of [0, 1])
    shares.push(await readFor(await openSource(t, folder, { worker: { index, count: 2 } })));
  assert.deepEqual(shares.flat().sort(), names.sort());
  assert.ok(shares.every(share => share.length > 0));
});
