import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { kindOf, kinds } from '../../src/catalog/kinds/index.ts';
import type { ParameterSchema } from '../../src/catalog/meta-schema.ts';

const schema: ParameterSchema = { type: 'string', title: 'A', description: 'A', enum: ['ONE', 'TWO'] };
const here = (path: string) => join(process.cwd(), path);

const cases: Record<string, { right: [given: string, value: unknown][]; wrong: string[] }> = {
  'bigquery-table': {
    right: [
      ['project:dataset.table', 'project:dataset.table'],
      ['example.com:p.d.t-1', 'example.com:p.d.t-1'],
      ['d.t', 'd.t'],
    ],
    wrong: ['t', 'p:d', 'p:d.', '../x:d.t', 'p:../d.t', 'p:d/e.t', 'd.t\n'],
  },
  boolean: {
    right: [
      ['true', true],
      ['FALSE', false],
    ],
    wrong: ['yes', '1', '', 'constructor'],
  },
  duration: {
    right: [
      ['5m', '5m'],
      [' 1h30m ', '1h30m'],
      ['30s', '30s'],
    ],
    wrong: ['0s', '5 m', '1d', '-5m', '5|', '', 'm'],
  },
  enum: { right: [['ONE', 'ONE']], wrong: ['one', 'THREE', ''] },
  'file-name': {
    right: [
      ['output', 'output'],
      ['', ''],
      ['a/b-', 'a/b-'],
      ['..txt', '..txt'],
    ],
    wrong: ['../x', 'a/..', '/x', 'a\0b', 'a\nb', 'a/../b'],
  },
  'gcs-read-file': {
    right: [
      ['gs://bucket/a/*.json', 'gs://bucket/a/*.json'],
      ['s3://bucket/a/*.json', 's3://bucket/a/*.json'],
      ['in.txt', here('in.txt')],
      ['/a/../b', '/b'],
      ['file:///a%20b', '/a b'],
    ],
    wrong: [
      'azure://bucket/a',
      's3://bucket/../secret',
      'https://host/a',
      'gs://bucket/../secret',
      'gs://B/a',
      'gs:///a',
      'a\0b',
      'a\nb',
      'folder/',
      '',
    ],
  },
  'gcs-read-folder': {
    right: [
      ['gs://bucket', 'gs://bucket/'],
      ['in', here('in/')],
    ],
    wrong: ['azure://bucket', 'gs://bucket/../secret', ''],
  },
  'gcs-write-file': { right: [['out.txt', here('out.txt')]], wrong: ['out*.txt', 'gs://bucket/{a}'] },
  'gcs-write-folder': {
    right: [
      ['gs://bucket', 'gs://bucket/'],
      ['gs://bucket/a/', 'gs://bucket/a/'],
      ['out', here('out/')],
      ['/', '/'],
      ['/out//', '/out/'],
    ],
    wrong: ['gs://bucket/../..', 'ftp://host/', 'gs://bucket/./a'],
  },
  integer: {
    right: [
      ['5', 5],
      [' -3 ', -3],
      ['+7', 7],
      ['007', 7],
    ],
    wrong: ['5.0', '1e3', '', 'NaN', '99999999999999999', '0x10'],
  },
  'javascript-function': {
    right: [
      ['transform', 'transform'],
      ['$f_1', '$f_1'],
      ['größe', 'größe'],
    ],
    wrong: ['1f', 'a.b', 'a b', 'f()', ''],
  },
  'javascript-udf': {
    right: [
      ['udf://enrich', 'udf://enrich'],
      ['udf://enrich@2', 'udf://enrich@2'],
      ['gs://bucket/*.js', 'gs://bucket/*.js'],
      ['f.js', here('f.js')],
    ],
    wrong: ['udf://', 'udf://../x', 'udf://a/b', 'http://host/f.js', 'folder/'],
  },
  number: {
    right: [
      ['1.5', 1.5],
      ['-2e3', -2000],
      ['.5', 0.5],
    ],
    wrong: ['1,5', 'Infinity', '', '1e999'],
  },
  object: { right: [['{"a": 1}', { a: 1 }]], wrong: ['[1]', 'null', '1', '{', ''] },
  'pubsub-subscription': {
    right: [['projects/p/subscriptions/sub', 'projects/p/subscriptions/sub']],
    wrong: ['sub', 'projects/p/topics/top', 'projects/p/subscriptions/a', 'projects/p/subscriptions/sub/x'],
  },
  'kafka-read-topic': {
    right: [
      ['localhost:9092;orders', 'localhost:9092;orders'],
      ['a:1,b:2;orders,returns.v1', 'a:1,b:2;orders,returns.v1'],
    ],
    wrong: ['orders', 'localhost;orders', 'localhost:9092', 'localhost:9092;', 'a:1;b/c', 'a:1;b\n'],
  },
  'kafka-servers': {
    right: [['a:1,b:2', 'a:1,b:2']],
    wrong: ['a', 'a:', ':1', 'a:1,', 'a:1;b', 'a:1 ,b:2', 'a:123456'],
  },
  'kafka-topic': { right: [['a.b_c-d', 'a.b_c-d']], wrong: ['a,b', '', 'a/b', 'a'.repeat(250)] },
  'kafka-topics': { right: [['a,b', 'a,b']], wrong: ['a,', ',', 'a b'] },
  'kafka-write-topic': { right: [['a:1;b', 'a:1;b']], wrong: ['a:1;b,c', 'b'] },
  'pubsub-topic': {
    right: [['projects/p:x/topics/top.1', 'projects/p:x/topics/top.1']],
    wrong: [
      'top',
      'projects/p/topics/',
      'projects/p/topics/goog1',
      'projects/p/topics/1ab',
      'projects/p/topics/top\n',
    ],
  },
  'regular-expression': { right: [['a|b', 'a|b']], wrong: ['(', '(?=a)', 'a{3,1}'] },
  secret: { right: [['s3cret', 's3cret']], wrong: ['\0'] },
  'shard-template': {
    right: [
      ['W-P-SS-of-NN', 'W-P-SS-of-NN'],
      ['-SSS', '-SSS'],
    ],
    wrong: ['W-P', 'a/S', '..', 'S\0'],
  },
  string: {
    right: [
      ['', ''],
      ['a\nb', 'a\nb'],
    ],
    wrong: ['\0'],
  },
  'long-text': { right: [['a\nb', 'a\nb']], wrong: ['\0'] },
  'year-pattern': {
    right: [
      ['YYYY', 'YYYY'],
      ['{y}', '{y}'],
    ],
    wrong: ['Yy', 'MM', '/YYYY/', 'i', ''],
  },
  'month-pattern': { right: [['MM', 'MM']], wrong: ['mm'] },
  'day-pattern': {
    right: [
      ['dd', 'dd'],
      ['D', 'D'],
    ],
    wrong: ['dD'],
  },
  'hour-pattern': {
    right: [
      ['HH', 'HH'],
      ['{HH}', '{HH}'],
    ],
    wrong: ['hh'],
  },
  'minute-pattern': {
    right: [
      ['mm', 'mm'],
      ['mmmm', 'mmmm'],
      ['{mm}', '{mm}'],
    ],
    wrong: ['xmmx', 'm/m', 'i'],
  },
};

test('every kind has cases here', () => {
  assert.deepEqual(Object.keys(cases).toSorted(), [...kinds.keys()].toSorted());
});

for (const [name, { right, wrong }] of Object.entries(cases)) {
  const kind = kinds.get(name);
  test(`${name} takes what is right, in its normal form`, () => {
    for (const [given, value] of right) assert.deepEqual(kind?.parse(given, schema), value, given);
  });
  test(`${name} refuses what is wrong`, () => {
    for (const given of wrong) assert.equal(kind?.parse(given, schema), undefined, JSON.stringify(given));
  });
}

test('what a kind gives, it takes again unchanged', () => {
  for (const [name, { right }] of Object.entries(cases)) {
    for (const [, value] of right) {
      const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
      assert.deepEqual(kinds.get(name)?.parse(text, schema), value, name);
    }
  }
});

test('a parameter is of the kind of its format, else an enum, else of its type', () => {
  assert.equal(kindOf({ ...schema, format: 'duration' }).name, 'duration');
  assert.equal(kindOf(schema).name, 'enum');
  assert.equal(kindOf({ ...schema, enum: undefined, type: 'integer' }).name, 'integer');
});

test('every kind tells what would be right', () => {
  for (const kind of kinds.values()) {
    assert.match(kind.help, /\.$/);
    assert.doesNotMatch(kind.expected(schema), /\.$|undefined/);
  }
});

test('a name of Pub/Sub that only its last part makes wrong is told so', () => {
  const fault = (kind: string, name: string) => kinds.get(kind)?.fault?.(name);
  assert.equal(
    fault('pubsub-topic', 'projects/local/topics/a1'),
    "the ID in 'projects/local/topics/a1' must have 3 to 255 letters, digits or -._~+%, begin with a letter and not with 'goog'",
  );
  assert.match(
    String(fault('pubsub-subscription', 'projects/local/subscriptions/1abc')),
    /begin with a letter/,
  );
  assert.equal(fault('pubsub-topic', 'a1'), undefined);
});
