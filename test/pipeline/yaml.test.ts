import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SluiceError } from '../../src/errors.ts';
import { copyPlace, parseYaml, placeOf } from '../../src/pipeline/yaml.ts';

/** Plain objects, so that values compare by what they hold. */
const parse = (text: string): unknown => plain(parseYaml(text, 'f.yaml'));

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const scalars: [written: string, value: unknown][] = [
  ['yes', true],
  ['NO', false],
  ['off', false],
  ['On', true],
  ['y', 'y'],
  ['"yes"', 'yes'],
  ['~', null],
  ['', null],
  ['010', 8],
  ['-010', -8],
  ['08', '08'],
  ['0', 0],
  ['1_000', 1000],
  ['0x1F', 31],
  ['0b101', 5],
  ['0b_', '0b_'],
  ['1:30', 90],
  ['-1:30', -90],
  ['1:30.5', 90.5],
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['1.5', 1.5],
  ['1.5e+3', 1500],
  ['.5', 0.5],
  ['1e3', '1e3'],
  ['.inf', Infinity],
  ['-.INF', -Infinity],
  ['2024-02-29', '2024-02-29'],
  ['2024-1-2 3:04:05', '2024-01-02T03:04:05.000Z'],
  ['2024-01-02T03:04:05.25+02:00', '2024-01-02T01:04:05.250Z'],
  ['2024-01-02 03:04:05 -5', '2024-01-02T08:04:05.000Z'],
  ['!!str 12', '12'],
  ['! yes', 'yes'],
  ['|\n  12\n', '12\n'],
];
for (const [written, value] of scalars) {
  test(`the scalar ${JSON.stringify(written)} reads as YAML 1.1`, () => {
    assert.deepEqual(parse(`key: ${written}`), { key: value });
  });
}

const refusals: [title: string, text: string, message: string][] = [
  ['a duplicate key', 'a: 1\nb: 2\na: 3', 'f.yaml:3:1: the key a is there twice'],
  [
    'a boolean key',
    'a:\n  on: 1',
    'f.yaml:2:3: YAML reads the key on as a boolean: keys are text, put it in quotes',
  ],
  ['a numeric key', '1: 1', 'f.yaml:1:1: YAML reads the key 1 as a number: keys are text, put it in quotes'],
  ['a mapping as key', '? {a: 1}\n: 1', 'f.yaml:1:3: this is no key: keys are text, put it in quotes'],
  ['a custom tag', 'a: !env HOME', 'f.yaml:1:9: the tag !env is not supported: only !!str is'],
  [
    'a tagged mapping',
    'a: !!set {a, b}',
    'f.yaml:1:10: the tag tag:yaml.org,2002:set is not supported: only !!str is',
  ],
  ['a date that does not exist', 'a: 2024-02-30', 'f.yaml:1:4: 2024-02-30 is not a date'],
  ['an unknown anchor', 'a: *b', 'f.yaml:1:4: no anchor is called b'],
  ['a second document', 'a: 1\n---\nb: 2', 'f.yaml:2:1: a file holds one YAML document'],
  ['an open bracket', 'a: [1, 2', ''],
  ['a merge of a scalar', '<<: 1', 'f.yaml:1:1: << takes a mapping or a list of mappings'],
];
for (const [title, text, message] of refusals) {
  test(`${title} is refused with its place`, () => {
    assert.throws(() => parseYaml(text, 'f.yaml'), { code: 'PIPELINE_INVALID', ...(message && { message }) });
  });
}

test('a text of nothing but signs is refused before it is read', () => {
  for (const sign of ['}', '[', '- ', '"', '#\n', '\t\n']) {
    const began = performance.now();
    assert.throws(() => parseYaml(sign.repeat(250_000), 'f.yaml'), /f.yaml: more than the 100000 words/);
    assert.ok(performance.now() - began < 1000);
  }
});

test('a file over 1 MB is refused before it is read', () => {
  assert.throws(() => parseYaml('x'.repeat(1 << 20).concat('é'), 'f.yaml'), /f.yaml: larger than the 1 MB/);
});

test('aliases that multiply are refused in little time', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`)}]`);
  const bomb = ['l0: &l0 [x]', ...levels].join('\n');
  assert.throws(() => parseYaml(bomb, 'f.yaml'), /aliases add more than 10000 nodes/);
});

test('an alias of itself is refused', () => {
  assert.throws(() => parseYaml('&a [*a]', 'f.yaml'), SluiceError);
});

test('a hundred thousand open brackets are refused, not a crash', () => {
  assert.throws(() => parseYaml('['.repeat(100_000), 'f.yaml'), SluiceError);
  assert.throws(() => parseYaml(`${'['.repeat(200)}${']'.repeat(200)}`, 'f.yaml'), /nested deeper than 100/);
});

test('an anchor is used again, and << takes what a mapping does not have itself', () => {
  const text = 'base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nx: {<<: [*base, *more], a: 9}\ny: *base';
  assert.deepEqual(parse(text), {
    base: { a: 1, b: 2 },
    more: { b: 3, c: 4 },
    x: { a: 9, b: 2, c: 4 },
    y: { a: 1, b: 2 },
  });
});

test('a key called __proto__ or constructor is a key like any other', () => {
  const value = parseYaml('__proto__: {polluted: true}\nconstructor: 1', 'f.yaml') as Record<string, unknown>;
  assert.equal(JSON.stringify(value), '{"__proto__":{"polluted":true},"constructor":1}');
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  assert.equal(value.toString, undefined);
});

test('every mapping, list and value knows its place', () => {
  const value = parseYaml('a:\n  b: 1\n  c: [x,\n    y]\n', 'dir/f.yaml') as {
    a: { b: number; c: string[] };
  };
  assert.equal(placeOf(value), 'dir/f.yaml:1:1');
  assert.equal(placeOf(value.a), 'dir/f.yaml:2:3');
  assert.equal(placeOf(value.a, 'b'), 'dir/f.yaml:2:6');
  assert.equal(placeOf(value.a.c, 1), 'dir/f.yaml:4:5');
  assert.equal(placeOf(value.a, 'none'), undefined);
  assert.equal(placeOf({ a: 1 }, 'a'), undefined);
});

test('a structure rebuilt by a renderer keeps its places, also when items are gone', () => {
  const [, second] = parseYaml('- {a: 1}\n- {a: 2}', 'f.yaml') as object[];
  const list = parseYaml('- {a: 1}\n- {a: 2}', 'f.yaml') as object[];
  const rebuilt = [{ ...second }];
  copyPlace(list, rebuilt);
  copyPlace(second ?? {}, rebuilt[0] ?? {});
  assert.equal(placeOf(rebuilt, 0), 'f.yaml:2:3');
});

test('no text makes the parser throw anything but a SluiceError', () => {
  const pieces = fc.constantFrom(
    ...'[]{}:,-&*!|>\'"#%@`~<?\n \t',
    'a',
    '1',
    '<<: ',
    '&a ',
    '*a',
    '!!str ',
    '- ',
    '__proto__: ',
  );
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map(all => all.join('')),
  );
  fc.assert(
    fc.property(text, source => {
      try {
        parseYaml(source, 'f.yaml');
      } catch (error) {
        assert.ok(error instanceof SluiceError, String(error));
        assert.match(error.message, /^f\.yaml:\d+:\d+: /);
      }
    }),
    { numRuns: 3000 },
  );
});
