import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { positionOf } from '../../src/engine/batch.ts';
import type { Source, StageContext } from '../../src/engine/component.ts';
import { create } from '../../src/transforms/create.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';

const signal = new AbortController().signal;

async function open(t: TestContext, elements: unknown[], more: Partial<StageContext> = {}): Promise<Source> {
  assert.equal(create.kind, 'source');
  if (create.kind !== 'source') throw new Error('unreachable');
  const source = await create.open({ elements }, contextOf('/', more));
  t.after(() => source.close(true));
  return source;
}

async function readAll(source: Source): Promise<string[]> {
  const rows: string[] = [];
  for (let batch = await source.read(signal); batch !== 'end'; batch = await source.read(signal)) {
    assert.notEqual(batch, 'idle');
    if (batch !== 'idle') rows.push(...textsOf(batch));
  }
  return rows;
}

const cases: [title: string, elements: unknown[], rows: string[]][] = [
  ['nothing gives nothing', [], []],
  [
    'plain values become rows',
    [1, 'a', null, true],
    ['{"element":1}', '{"element":"a"}', '{"element":null}', '{"element":true}'],
  ],
  [
    'absent fields become null, in the order they were met',
    [{ b: 1 }, { a: 2, b: 3 }],
    ['{"b":1,"a":null}', '{"b":3,"a":2}'],
  ],
  [
    'rows and plain values are unified too',
    [{ a: 1 }, 2],
    ['{"a":1,"element":null}', '{"a":null,"element":2}'],
  ],
  [
    '64-bit integers stay exact, however deep',
    [{ a: [-9223372036854775808n] }],
    ['{"a":[-9223372036854775808]}'],
  ],
  [
    'a field may be called __proto__',
    [JSON.parse('{"__proto__":1}'), { a: 2 }],
    ['{"__proto__":1,"a":null}', '{"__proto__":null,"a":2}'],
  ],
];
for (const [title, elements, rows] of cases) {
  test(`Create: ${title}`, async t => {
    assert.deepEqual(await readAll(await open(t, elements)), rows);
  });
}

for (const [title, element, value] of [
  ['no number', { a: [Number.NaN] }, 'NaN'],
  ['endless', Number.POSITIVE_INFINITY, 'Infinity'],
  ['endless the other way', { a: { b: Number.NEGATIVE_INFINITY } }, '-Infinity'],
] as const) {
  test(`Create refuses a value that is ${title} when the pipeline is resolved`, () => {
    if (create.kind !== 'source') throw new Error('unreachable');
    const { output } = create;
    assert.throws(() => output({ elements: [1, element] }), {
      code: 'PIPELINE_INVALID',
      message: `Create: element 2 holds ${value}, which JSON cannot express`,
    });
  });
}

test('Create goes on after the last checkpoint, and elements keep their positions', async t => {
  const elements = Array.from({ length: 5000 }, (_, i) => ({ i, text: 'x'.repeat(20) }));
  const source = await open(t, elements);
  const first = await source.read(signal);
  assert.ok(typeof first === 'object' && first.count < 5000);
  const position = source.snapshot();
  const resumed = await open(t, elements, { restored: position });
  const again = await source.read(signal);
  const after = await resumed.read(signal);
  assert.ok(typeof again === 'object' && typeof after === 'object');
  assert.deepEqual(textsOf(after), textsOf(again));
  assert.equal(positionOf(after, 1), positionOf(again, 1));
  assert.match(positionOf(after, 0) ?? '', /^Stage:\d{5,}$/);
});

test('Create shares its elements among the workers', async t => {
  const share = async (index: number) =>
    readAll(await open(t, [0, 1, 2, 3, 4], { worker: { index, count: 2 } }));
  assert.deepEqual(
    [await share(0), await share(1)],
    [
      ['{"element":0}', '{"element":2}', '{"element":4}'],
      ['{"element":1}', '{"element":3}'],
    ],
  );
});

test('Create knows no time until it ends', async t => {
  const source = await open(t, [1]);
  assert.equal(source.watermark(), Number.NEGATIVE_INFINITY);
  await source.read(signal);
  assert.equal(source.watermark(), Number.POSITIVE_INFINITY);
});
