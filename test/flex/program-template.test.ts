import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateParameters } from '../../src/catalog/validate.ts';
import { SluiceError } from '../../src/errors.ts';
import type { ParameterMetadata } from '../../src/flex/metadata.ts';
import { programTemplate } from '../../src/flex/program-template.ts';

const templateOf = (parameters?: ParameterMetadata[], labels = {}) =>
  programTemplate(
    { image: 'host:5000/team/words:1', metadata: { name: 'Words', ...(parameters && { parameters }) } },
    's.json',
    labels,
  );

const checked = (parameters: ParameterMetadata[] | undefined, given: Record<string, unknown>) =>
  validateParameters(templateOf(parameters), given).parameters;

/** What is wrong, a line each. */
function refusal(parameters: ParameterMetadata[] | undefined, given: Record<string, unknown>): string[] {
  try {
    checked(parameters, given);
  } catch (error) {
    if (error instanceof SluiceError)
      return error.violations.map(({ subject, message }) => `${subject} ${message}`);
    throw error;
  }
  throw new Error('nothing was refused');
}

test('parameters have the kinds of their types', () => {
  const parameters: ParameterMetadata[] = [
    { name: 'input', paramType: 'GCS_READ_FILE' },
    { name: 'output', paramType: 'GCS_WRITE_FOLDER' },
    { name: 'count', paramType: 'NUMBER' },
    { name: 'fast', paramType: 'BOOLEAN', defaultValue: 'false' },
    { name: 'mode', paramType: 'ENUM', enumOptions: [{ value: 'a' }, { value: 'b' }], isOptional: true },
    { name: 'topic', paramType: 'PUBSUB_TOPIC', isOptional: true },
    { name: 'key', customMetadata: { secret: 'true' }, isOptional: true },
    { name: 'odd-name.x', paramType: 'OF_LATER', isOptional: true },
  ];
  assert.deepEqual(
    checked(parameters, {
      input: 'gs://bucket/in.txt',
      output: 'gs://bucket/out',
      count: '3',
      'odd-name.x': 'y',
    }),
    {
      input: 'gs://bucket/in.txt',
      output: 'gs://bucket/out/',
      count: 3,
      fast: false,
      'odd-name.x': 'y',
    },
  );
  assert.deepEqual(
    refusal(parameters, { input: 'azure://b', count: 'x', mode: 'c', topic: 'no', other: '1' }),
    [
      'input must be gs://<bucket>/<path>, s3://<bucket>/<path> or a local path, not "azure://b"',
      'count must be a number, not "x"',
      'mode must be one of a, b, not "c"',
      'topic must be the full name of a topic, projects/<project>/topics/<topic> (of this machine: projects/local/…), not "no"',
      'other is no parameter of this template',
      'output must be given (output)',
    ],
  );
});

test('the whole of a value matches each of its patterns', () => {
  const parameters: ParameterMetadata[] = [{ name: 'id', regexes: ['[a-z]+(-[a-z]+)*', '(?i).{3,8}'] }];
  assert.deepEqual(checked(parameters, { id: 'abc-de' }), { id: 'abc-de' });
  assert.deepEqual(refusal(parameters, { id: 'abc-de1' }), ['id must match the pattern [a-z]+(-[a-z]+)*']);
  assert.deepEqual(refusal(parameters, { id: 'ab' }), ['id must match the pattern (?i).{3,8}']);
});

test('a pattern that never comes to an end refuses the value, and keeps nobody waiting', () => {
  const started = Date.now();
  const parameters: ParameterMetadata[] = [{ name: 'id', regexes: ['(a+)+'] }];
  assert.match(refusal(parameters, { id: `${'a'.repeat(60)}!` })[0] ?? '', /it takes too long/);
  assert.ok(Date.now() - started < 20_000);
  assert.deepEqual(checked(parameters, { id: 'aaa' }), { id: 'aaa' });
});

test('a parameter that depends on another is asked for with that one only', () => {
  const parameters: ParameterMetadata[] = [
    { name: 'sink', isOptional: true, defaultValue: 'files' },
    { name: 'table', parentName: 'sink', parentTriggerValues: ['bigquery'] },
    { name: 'fast', paramType: 'BOOLEAN', isOptional: true },
    { name: 'speed', parentName: 'fast', parentTriggerValues: ['true'] },
  ];
  assert.deepEqual(checked(parameters, {}), { sink: 'files' });
  assert.deepEqual(refusal(parameters, { sink: 'bigquery', fast: 'true' }), [
    'table must be given (table) when sink is one of bigquery and sink is given',
    'speed must be given (speed) when fast is one of true, true and fast is given',
  ]);
});

test('a program that does not say what it takes is given everything, as text', () => {
  assert.deepEqual(checked(undefined, { anything: 5, 'a.b': 'c', numWorkers: '2' }), {
    anything: '5',
    'a.b': 'c',
    numWorkers: '2',
  });
  assert.deepEqual(refusal(undefined, { 'a b': '1', constructor: '2', x: 'a\0b' }), [
    'a b is no name for a parameter',
    'constructor is no name for a parameter',
    'x may not hold a NUL byte',
  ]);
  assert.match(refusal(undefined, { x: 'y'.repeat(200_000) })[0] ?? '', /may have 120000 bytes/);
});

const faulty: [parameters: ParameterMetadata[], says: string][] = [
  [[{ name: 'a' }, { name: 'a' }], 'metadata.parameters[1].name a is there twice'],
  [[{ name: '__proto__' }], 'metadata.parameters[0].name "__proto__" is no name for a parameter'],
  [[{ name: '-x' }], 'metadata.parameters[0].name "-x" is no name for a parameter'],
  [[{ name: 'a', parentName: 'b' }], 'metadata.parameters[0].parentName "b" is no parameter'],
  [
    [{ name: 'a', regexes: ['('] }],
    'metadata.parameters[0].regexes[0] "(" is no regular expression of JavaScript',
  ],
];

test('metadata that mean nothing are refused with their place', () => {
  for (const [parameters, says] of faulty)
    assert.throws(() => templateOf(parameters), { code: 'TEMPLATE_INVALID', message: `s.json: ${says}` });
});

test('metadata, or a label of the image, say that a program never ends', () => {
  assert.equal(templateOf().streaming, false);
  assert.equal(templateOf(undefined, { 'sluice.streaming': 'true' }).streaming, true);
  const spec = { image: 'a', metadata: { streaming: true } };
  assert.equal(programTemplate(spec, 's').streaming, true);
  assert.equal(templateOf().id, 'words');
});
