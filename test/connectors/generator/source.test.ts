import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { generateFromSchema } from '../../../src/connectors/generator/index.ts';
import type { Source } from '../../../src/engine/component.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const never = new AbortController().signal;

async function open(
  t: TestContext,
  config: object,
  more: Parameters<typeof contextOf>[1] = {},
): Promise<Source> {
  assert.equal(generateFromSchema.kind, 'source');
  return generateFromSchema.open(config, contextOf(await temporaryFolder(t), more));
}

async function readAll(source: Source): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const batch = await source.read(never);
    if (typeof batch === 'string') return texts;
    texts.push(...textsOf(batch));
  }
}

test('ends after its limit, in batches of lines with the time they were made', async t => {
  const source = await open(t, { schema: '{"n": {{index()}}, "ü": {{timestamp()}}}', limit: 20_000 });
  const before = Date.now();
  const batch = await source.read(never);
  assert.ok(typeof batch === 'object' && batch.times);
  assert.equal(batch.lines, true);
  assert.equal(batch.bytes.toString().split('\n').length, batch.count + 1);
  const [first = ''] = textsOf(batch);
  assert.deepEqual(JSON.parse(first), { n: 0, ü: batch.times[0] });
  assert.ok((batch.times[0] ?? 0) >= before && source.watermark() >= (batch.times[0] ?? 0));
  const rest = await readAll(source);
  assert.equal(batch.count + rest.length, 20_000);
  assert.equal(await source.read(never), 'end');
});

test('keeps its rate', async t => {
  const source = await open(t, { template: 'GAME_EVENT', rate: 1000, limit: 300 });
  const started = performance.now();
  assert.equal((await readAll(source)).length, 300);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds > 0.25 && seconds < 0.6, `${seconds} s`);
});

test('a wait for the next record is interrupted at once', async t => {
  const source = await open(t, { template: 'GAME_EVENT', rate: 0.001 });
  const stop = new AbortController();
  const reading = source.read(stop.signal);
  setTimeout(() => stop.abort(), 10);
  const started = performance.now();
  assert.equal(await reading, 'idle');
  assert.equal(await source.read(stop.signal), 'idle');
  assert.ok(performance.now() - started < 500);
});

test('goes on where its snapshot was taken, with the records that would have come', async t => {
  const config = { schema: '{{index()}} {{uuid()}}', limit: 9000, seed: 4 };
  const whole = await readAll(await open(t, config));
  const first = await open(t, config);
  const batch = await first.read(never);
  assert.ok(typeof batch === 'object');
  const restored = JSON.parse(JSON.stringify(first.snapshot()));
  const rest = await readAll(await open(t, config, { restored }));
  assert.ok(rest.length > 0 && rest.length < 9000);
  assert.deepEqual([...textsOf(batch), ...rest], whole);
});

test('workers share the limit, and no index is there twice', async t => {
  const indexes: number[] = [];
  for (const index of [0, 1, 2]) {
    const source = await open(t, { schema: '{{index()}}', limit: 10 }, { worker: { index, count: 3 } });
    indexes.push(...(await readAll(source)).map(Number));
  }
  assert.deepEqual(
    indexes.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test('without a seed the records differ each time', async t => {
  const one = await readAll(await open(t, { schema: '{{uuid()}}', limit: 1 }));
  const other = await readAll(await open(t, { schema: '{{uuid()}}', limit: 1 }));
  assert.notDeepEqual(one, other);
});

test('a schema is read from a file, also of a bucket of this machine', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'cloud/gs/bucket'), { recursive: true });
  await writeFile(join(home, 'cloud/gs/bucket/s.json'), '{\n "a": {{integer(1, 1)}}\n}\n');
  const source = await open(t, { path: 'gs://bucket/s.json', limit: 1 }, { config: { home } });
  assert.deepEqual(await readAll(source), ['{"a":1}']);
  await assert.rejects(open(t, { path: join(home, 'none') }), {
    code: 'INPUT_NOT_FOUND',
    message: `the schema ${join(home, 'none')}: there is no such file`,
  });
});

test('a record with payload and attributes is a message of these, where that is asked for', async t => {
  const config = {
    schema: '{"payload": {"n": {{index()}}}, "attributes": {"kind": "é", "size": 5}}',
    limit: 2,
  };
  const batch = await (await open(t, { ...config, message_fields: true })).read(never);
  assert.ok(typeof batch === 'object');
  assert.deepEqual(textsOf(batch), ['{"n":0}', '{"n":1}']);
  assert.deepEqual(batch.metadata, Array(2).fill({ attributes: { kind: 'é', size: '5' } }));
  assert.equal(batch.times?.length, 2);
  const [whole] = await readAll(await open(t, config));
  assert.equal(whole, '{"payload":{"n":0},"attributes":{"kind":"é","size":5}}');
  const plain = await readAll(await open(t, { schema: '{{index()}}', limit: 1, message_fields: true }));
  assert.deepEqual(plain, ['0']);
});
