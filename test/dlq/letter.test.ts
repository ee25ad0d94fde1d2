import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyOf, parseLetter, payloadOfLetter } from '../../src/dlq/letter.ts';

const letter = {
  id: 'a1',
  job: 'j',
  transform: 'Udf',
  source: 'Read',
  code: 'UDF_THREW',
  message: 'no',
  attempts: 2,
  time: '2026-01-01T00:00:00.000Z',
  payload: 'ünï',
};
const parse = (value: unknown) => parseLetter(Buffer.from(JSON.stringify(value)));

test('a letter is what its line says, less what nobody knows', () => {
  const full = { ...letter, attributes: { a: '1' }, eventTime: '2026-01-01T00:00:00Z', key: 'k' };
  assert.deepEqual(parse({ ...full, unknown: 1 }), full);
});

test('null is absent, and attempts begin at one', () => {
  assert.partialDeepStrictEqual(parse({ ...letter, attempts: undefined, stack: null }), { attempts: 1 });
});

test('a payload is given as the bytes it was', () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0a]);
  const { payload: _, ...rest } = letter;
  const read = parse({ ...rest, payloadBase64: bytes.toString('base64') });
  assert.ok(typeof read !== 'string');
  assert.deepEqual(payloadOfLetter(read), bytes);
  assert.deepEqual(payloadOfLetter(letter), Buffer.from('ünï'));
});

const broken: [name: string, changed: object, fault: string][] = [
  ['no id', { id: undefined }, 'it has no id'],
  ['a number for a text', { code: 5 }, 'its code is not text'],
  ['an object for a text', { message: {} }, 'its message is not text'],
  ['half an attempt', { attempts: 0.5 }, 'its attempts are no whole number'],
  ['no attempt', { attempts: 0 }, 'its attempts are no whole number'],
  ['no payload', { payload: undefined }, 'it has no payload'],
  ['two payloads', { payloadBase64: '' }, 'it has two payloads'],
  [
    'a payload that is no base64',
    { payload: undefined, payloadBase64: '#' },
    'its payloadBase64 is not base64',
  ],
  ['attributes that are a list', { attributes: ['a'] }, 'its attributes are no texts by name'],
  ['attributes that are no texts', { attributes: { a: 1 } }, 'its attributes are no texts by name'],
  ['an event time that is none', { eventTime: 'soon' }, 'its eventTime is no time'],
  ['a publish time that is none', { publishTime: '2026-13-01' }, 'its publishTime is no time'],
];
for (const [name, changed, fault] of broken) {
  test(`${name} is no letter`, () => assert.equal(parse({ ...letter, ...changed }), fault));
}

test('any bytes are a letter or a fault in words, and reach no prototype', () => {
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    fc.json().map(text => Buffer.from(text)),
    fc.object().map(value => Buffer.from(JSON.stringify({ ...letter, ...value }))),
  );
  fc.assert(
    fc.property(line, bytes => {
      const read = parseLetter(bytes);
      if (typeof read !== 'string') assert.equal(typeof keyOf(read), 'string');
    }),
  );
  const proto = Buffer.from(
    `{"attributes":{"__proto__":"p"},"__proto__":{"key":"x"},${JSON.stringify(letter).slice(1)}`,
  );
  const read = parseLetter(proto);
  assert.ok(typeof read !== 'string');
  assert.deepEqual(Object.entries(read.attributes ?? {}), [['__proto__', 'p']]);
  assert.equal(read.key, undefined);
  assert.equal(Object.getPrototypeOf(read), Object.prototype);
});

test('letters are told apart by element and attempt', () => {
  assert.notEqual(keyOf({ id: '1', attempts: 11 }), keyOf({ id: '11', attempts: 1 }));
});
