import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Template } from '../../src/catalog/template.ts';
import { validateParameters } from '../../src/catalog/validate.ts';
import { SluiceError } from '../../src/errors.ts';
import { parametersText, templateOf } from './template-of.ts';

function template(t: TestContext, properties: Record<string, object>, rules: object = {}): Promise<Template> {
  return templateOf(t, `${parametersText(properties, rules)}pipeline: {type: A}\n`);
}

/** The violations, each as `subject: message`. */
function violations(of: Template, given: Record<string, unknown>): string[] {
  try {
    validateParameters(of, given);
  } catch (error) {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.code, 'PARAMETERS_INVALID');
    return error.violations.map(({ subject, message }) => `${subject}: ${message}`);
  }
  return [];
}

test('texts become what the schema asks for, and defaults are filled in', async t => {
  const typed = await template(t, {
    n: { type: 'integer', default: 7 },
    d: { type: 'number' },
    flag: { type: 'boolean', default: false },
    o: { type: 'object' },
    s: {},
    folder: { format: 'gcs-write-folder', default: 'gs://bucket/x' },
    absent: {},
  });
  const given = { d: '1.5', flag: 'true', o: '{"a": [1]}', s: 5 };
  assert.deepEqual(validateParameters(typed, given).parameters, {
    d: 1.5,
    flag: true,
    o: { a: [1] },
    s: '5',
    n: 7,
    folder: 'gs://bucket/x/',
  });
  assert.deepEqual(validateParameters(typed, { n: 3, flag: false, o: { b: 1 } }).parameters, {
    n: 3,
    flag: false,
    o: { b: 1 },
    folder: 'gs://bucket/x/',
  });
});

test('an empty text is not given, but for text itself', async t => {
  const both = await template(t, {
    topic: { format: 'pubsub-topic' },
    n: { type: 'integer' },
    s: { default: 'x' },
  });
  assert.deepEqual(validateParameters(both, { topic: '', n: '', s: '' }).parameters, { s: '' });
});

test('null is not given', async t => {
  assert.deepEqual(validateParameters(await template(t, { s: {} }), { s: null }).parameters, {});
});

test('every violation is told at once, with its parameter and what would be right', async t => {
  const many = await template(
    t,
    {
      topic: { format: 'pubsub-topic' },
      n: { type: 'integer', minimum: 1, maximum: 9 },
      level: { enum: ['LOW', 'HIGH'] },
      name: { minLength: 1 },
      code: { pattern: '^[A-Z]+$' },
      folder: { format: 'gcs-write-folder' },
      window: { format: 'duration' },
    },
    { required: ['folder', 'window'] },
  );
  const given = { topic: 'short', n: '0', level: 'MID', name: '', code: 'x', folders: 'x', window: '0s' };
  assert.deepEqual(violations(many, given), [
    'topic: must be the full name of a topic, projects/<project>/topics/<topic> (of this machine: projects/local/…), not "short"',
    'level: must be one of LOW, HIGH, not "MID"',
    'folders: is no parameter of this template; did you mean folder?',
    'window: must be a duration longer than zero, like 30s, 5m or 1h30m, not "0s"',
    'folder: must be given (Title of folder)',
    'n: must be at least 1',
    'name: must not be empty',
    'code: must match the pattern ^[A-Z]+$',
  ]);
});

test('a value of another shape is refused', async t => {
  const shaped = await template(t, { s: {}, o: { type: 'object' } });
  assert.deepEqual(violations(shaped, { s: ['x'], o: '[1]' }), [
    's: must be a text without NUL characters, not "[\\"x\\"]"',
    'o: must be a JSON object, like {"name": "value"}, not "[1]"',
  ]);
});

test('a secret is never shown, and a long value not whole', async t => {
  const secret = await template(t, { password: { format: 'secret' }, n: { type: 'integer' } });
  const [first, second] = violations(secret, { password: 'a\0b', n: 'x'.repeat(500) });
  assert.equal(
    first,
    'password: must be a text of at most 65536 bytes without NUL characters, secret://env/<NAME> or secret://file/<path>',
  );
  assert.equal(second?.length, 'n: must be a whole number, not '.length + 79);
});

const choice = { oneOf: [{ required: ['a'] }, { required: ['b'] }] };

test('exactly one of several', async t => {
  const one = await template(t, { a: {}, b: {} }, choice);
  assert.deepEqual(violations(one, {}), ['a: give exactly one of a, b: none is given']);
  assert.deepEqual(violations(one, { a: '1', b: '2' }), ['a: give exactly one of a, b: a and b are given']);
  assert.deepEqual(violations(one, { b: '2' }), []);
});

test('one that was given wrongly is not called missing as well', async t => {
  const one = await template(t, { a: { format: 'pubsub-topic' }, b: {} }, choice);
  assert.equal(violations(one, { a: 'wrong' }).length, 1);
  const required = await template(t, { a: { type: 'integer' } }, { required: ['a'] });
  assert.equal(violations(required, { a: 'wrong' }).length, 1);
});

test('at least one, and never together', async t => {
  const any = { anyOf: [{ required: ['a'] }, { required: ['b', 'c'] }], not: { required: ['a', 'c'] } };
  const some = await template(t, { a: {}, b: {}, c: {} }, any);
  assert.deepEqual(violations(some, { b: '1' }), ['a: give at least one of a, b with c: none is given']);
  assert.deepEqual(violations(some, { a: '1', c: '1' }), ['a: a and c cannot be given together']);
  assert.deepEqual(violations(some, { a: '1', b: '1' }), []);
});

test('required when another is given, or has a value', async t => {
  const rules = {
    dependentRequired: { key: ['value'], value: ['key'] },
    allOf: [
      {
        if: { properties: { sink: { const: 'FILE' } } },
        // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
        then: { required: ['folder'] },
        else: { required: ['topic'] },
      },
    ],
  };
  const properties = {
    key: {},
    value: {},
    sink: { enum: ['FILE', 'TOPIC'], default: 'TOPIC' },
    folder: {},
    topic: {},
  };
  const conditional = await template(t, properties, rules);
  assert.deepEqual(violations(conditional, { key: 'k' }), [
    'topic: must be given (Title of topic) unless sink is FILE',
    'value: is required when key is given',
  ]);
  assert.deepEqual(violations(conditional, { sink: 'FILE', value: 'v' }), [
    'folder: must be given (Title of folder) when sink is FILE',
    'key: is required when value is given',
  ]);
  assert.deepEqual(violations(conditional, { topic: 't' }), []);
});

test('pipeline options are taken apart; numbers of workers must be such', async t => {
  const plain = await template(t, { s: {} });
  const given = { s: 'x', numWorkers: '2', tempLocation: 'gs://bucket/temp', streamingMode: 'EXACTLY_ONCE' };
  assert.deepEqual(validateParameters(plain, given), {
    parameters: { s: 'x' },
    options: { numWorkers: 2, tempLocation: 'gs://bucket/temp', streamingMode: 'EXACTLY_ONCE' },
  });
  assert.deepEqual(violations(plain, { numWorkers: '0', maxNumWorkers: 'many', maxWorkers: 1.5 }), [
    'numWorkers: must be a whole number from 1, not "0"',
    'maxNumWorkers: must be a whole number from 1, not "many"',
    'maxWorkers: must be a whole number from 1, not "1.5"',
  ]);
});

test("a template's own parameter comes before the option of that name", async t => {
  const own = await template(t, { region: { enum: ['a', 'b'] } });
  assert.deepEqual(validateParameters(own, { region: 'a' }), { parameters: { region: 'a' }, options: {} });
});

test('names that mean something on an object are unknown like any other', async t => {
  const plain = await template(t, { s: {} });
  const given = JSON.parse('{"__proto__": {"x": 1}, "constructor": "y", "toString": "z"}');
  assert.deepEqual(violations(plain, given), [
    '__proto__: is no parameter of this template',
    'constructor: is no parameter of this template',
    'toString: is no parameter of this template',
  ]);
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false);
});

test('whatever is given, it is valid or tells violations', async t => {
  const any = await template(
    t,
    { a: { type: 'integer' }, b: { format: 'gcs-read-file' }, c: { type: 'object' }, d: { enum: ['x'] } },
    choice,
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.string()), fc.anything()),
      given => {
        try {
          validateParameters(any, given);
        } catch (error) {
          assert.ok(error instanceof SluiceError && error.violations.length > 0, String(error));
        }
      },
    ),
  );
});
