import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isJsonObject } from '../../src/formats/json-object.ts';

const isObject = (text: string): boolean => {
  const bytes = Buffer.from(text);
  return isJsonObject(bytes, 0, bytes.length);
};

const objects = [
  '{}',
  ' \t{ } ',
  '{"a":1}',
  '{ "a" : [ ] , "b" : { } , "c" : [ [ ] , { } ] }',
  '{"a":-0,"b":0.5,"c":-1.25e+10,"d":1E-2,"e":10,"f":123456789012345678901234567890}',
  '{"a":true,"b":false,"c":null,"":[true,false,null]}',
  String.raw`{"\"\\\/\b\f\n\r\t\u00e9\uD83D":"é 😀 \u0000"}`,
  `{"deep":${'['.repeat(99)}${']'.repeat(99)}}`,
  '{"a":1,"a":2}',
  '{"\u007f":"\u2028"}',
];

test('objects on one line are known', () => {
  for (const text of objects) {
    assert.ok(isObject(text), text);
    assert.ok(JSON.parse(text));
  }
});

test('what is no object is none', () => {
  const others = [
    '',
    ' ',
    '[]',
    '[{}]',
    'null',
    '"{}"',
    '7',
    '{',
    '}',
    '{}}',
    '{}{}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1 "b":2}',
    '{"a":[1,]}',
    '{"a":[,1]}',
    '{"a":[1 2]}',
    '{"a":[}',
    '{"a":{]}',
    '{a:1}',
    "{'a':1}",
    '{"a":01}',
    '{"a":+1}',
    '{"a":.5}',
    '{"a":1.}',
    '{"a":-}',
    '{"a":1e}',
    '{"a":0x1}',
    '{"a":NaN}',
    '{"a":tru}',
    '{"a":nulll}',
    '{"a":"\t"}',
    '{"a":"\u0000"}',
    String.raw`{"a":"\x"}`,
    String.raw`{"a":"\u12g4"}`,
    '{"a":"',
    String.raw`{"a":"\ `,
    '{"a":1}/* */',
    '{"a"::1}',
    '{"a":1,"b"}',
    '{[]}',
    '{{}}',
    '{"a":"b":1}',
    '{1:2}',
    '\u00a0{}',
  ];
  for (const text of others) {
    assert.ok(!isObject(text), text);
    assert.throws(() => {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
    }, text);
  }
});

test('of line breaks and great depth nothing is said', () => {
  assert.ok(!isObject('{"a":\n1}'));
  assert.ok(!isObject(`{"deep":${'['.repeat(200)}${']'.repeat(200)}}`));
});

test('an element ends where it ends, whatever stands behind it', () => {
  const bytes = Buffer.from('{"a":1}{"b":"x{"c":12}');
  assert.ok(isJsonObject(bytes, 0, 7));
  for (let end = 0; end <= bytes.length; end++)
    for (let start = 0; start <= end; start++) {
      const text = bytes.toString('latin1', start, end);
      assert.equal(isJsonObject(bytes, start, end), isObject(text), `${start} ${end} ${text}`);
    }
});

test('every object is known, however it is written, and what is taken for one JSON.parse takes for one', () => {
  const object = fc
    .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }))
    .map(value => JSON.stringify(value));
  fc.assert(fc.property(object, text => assert.ok(isObject(text), text)));
  const sign = fc.constantFrom(...'{}[],:"\\ \n01-.eut', 'null', 'é');
  const change = fc.record({ at: fc.nat(), cut: fc.nat(2), put: fc.oneof(sign, fc.constant('')) });
  const changed = fc
    .tuple(fc.oneof(object, fc.constantFrom(...objects)), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([text, changes]) =>
      changes.reduce((before, { at, cut, put }) => {
        const place = at % (before.length + 1);
        return before.slice(0, place) + put + before.slice(place + cut);
      }, text),
    );
  let known = 0;
  const property = fc.property(changed, text => {
    // A letter cut in half is none in UTF-8.
    if (!text.isWellFormed() || !isObject(text)) return;
    known++;
    const value: unknown = JSON.parse(text);
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), text);
    assert.doesNotMatch(text, /[\r\n]/);
  });
  fc.assert(property, { numRuns: 20_000 });
  assert.ok(known > 1000, `${known} were known`);
});
