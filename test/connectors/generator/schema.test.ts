import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Draw, schemaFunctions } from '../../../src/connectors/generator/functions.ts';
import { createRandom } from '../../../src/connectors/generator/random.ts';
import { compileSchema } from '../../../src/connectors/generator/schema.ts';
import { schemas } from '../../../src/connectors/generator/schemas.ts';

const draw = (seed = 1): Draw => ({ random: createRandom(seed), now: Date.UTC(2026, 0, 2), index: 41 });
const make = (text: string, seed?: number) => compileSchema(text, 's.json').make(draw(seed));

/** Calls, and what every one of many values looks like. */
const shapes: [call: string, shape: RegExp][] = [
  ['alpha()', /^[A-Za-z]{10}$/],
  ['alpha(3)', /^[A-Za-z]{3}$/],
  ['alphaNumeric(20)', /^[A-Za-z0-9]{20}$/],
  ['bool()', /^(?:true|false)$/],
  ['country()', /^[A-Z][A-Za-z ]+$/],
  ['date()', /^2026-01-02T00:00:00\.000Z$/],
  ['double()', /^0\.\d+(?:e-\d+)?$/],
  ['double(-2, -1)', /^-1\.\d+$/],
  ['email()', /^[a-z]+\.[a-z]+\d+@example\.com$/],
  ['firstName()', /^[A-Z][a-z]+$/],
  ['hex(8)', /^[0-9a-f]{8}$/],
  ['index()', /^41$/],
  ['integer()', /^\d{1,10}$/],
  ['integer(1)', /^[01]$/],
  ['integer(100, 103)', /^10[0-3]$/],
  ['integer(-1, -1)', /^-1$/],
  ['ipv4()', /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/],
  ['ipv6()', /^(?:[0-9a-f]{4}(?::|$)){8}$/],
  ['lastName()', /^[A-Z][a-z]+$/],
  ['long()', /^\d{1,16}$/],
  ['random("a", \'b c\', 3)', /^(?:a|b c|3)$/],
  ['random("}}", "\\"")', /^(?:\}\}|")$/],
  ['timestamp()', /^1767312000000$/],
  ['username()', /^[a-z]+\.[a-z]+\d+$/],
  ['uuid()', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
];

test('every function has a case here', () => {
  const called = new Set(shapes.map(([call]) => call.split('(')[0]));
  assert.deepEqual([...called].toSorted(), [...schemaFunctions.keys()].toSorted());
});

for (const [call, shape] of shapes) {
  test(`{{${call}}} gives what looks like ${shape.source}`, () => {
    const schema = compileSchema(`{{ ${call} }}x`, 's');
    const random = createRandom(7);
    for (let i = 0; i < 500; i++) assert.match(schema.make({ ...draw(), random }).slice(0, -1), shape);
  });
}

test('choices and numbers reach all their values', () => {
  const schema = compileSchema('{{integer(1, 6)}}{{random("a", "b")}}', 's');
  const random = createRandom(3);
  const seen = new Set(Array.from({ length: 1000 }, () => schema.make({ ...draw(), random })));
  assert.equal(seen.size, 12);
});

test('a JSON schema gives each record on one line, other text as it stands', () => {
  assert.equal(
    make('{\n  "a b": "x  {{integer(5, 5)}} \\" ",\n  "l": [ {{bool()}}, 1 ]\n}\n', 2).includes('\n'),
    false,
  );
  assert.match(make('{ "a b" : "x  {{integer(5, 5)}} \\" " }'), /^\{"a b":"x {2}5 \\" "\}$/);
  assert.equal(make(' a , {{integer(1, 1)}}\n'), 'a , 1');
  assert.equal(make('{{{integer(1, 1)}}}'), '{1}');
});

test('GAME_EVENT is JSON with the nine fields', () => {
  const event = JSON.parse(make(schemas.GAME_EVENT));
  assert.deepEqual(Object.keys(event), [
    'eventId',
    'eventTimestamp',
    'ipv4',
    'ipv6',
    'country',
    'username',
    'quest',
    'score',
    'completed',
  ]);
});

test('the same seed gives the same record, another another', () => {
  assert.equal(make(schemas.GAME_EVENT, 5), make(schemas.GAME_EVENT, 5));
  assert.notEqual(make(schemas.GAME_EVENT, 5), make(schemas.GAME_EVENT, 6));
});

const refused: [text: string, message: RegExp][] = [
  ['{"a": "{{uuid()}}",\n "b": {{nothing()}}}', /^s\.json:2:7: there is no function nothing: alpha, /],
  ['{{uuid}}', /^s\.json:1:1: no call of a function/],
  ['x {{uuid()', /^s\.json:1:3: no call of a function/],
  ['{{uuid(1)}}', /^s\.json:1:1: the arguments do not fit: uuid\(\)$/],
  ['{{integer(2, 1)}}', /the arguments do not fit: integer\(\), /],
  ['{{integer("1")}}', /the arguments do not fit/],
  ['{{integer(1.5)}}', /the arguments do not fit/],
  ['{{integer(1,, 2)}}', /the arguments do not fit/],
  ['{{random()}}', /the arguments do not fit: random\("a", "b", …\)/],
  ['{{alpha(0)}}', /the arguments do not fit/],
  ['{{alpha(1000000000)}}', /the arguments do not fit/],
  ['{{constructor()}}', /there is no function constructor/],
  [' \n', /^s\.json: the schema is empty$/],
];

for (const [text, message] of refused) {
  test(`${JSON.stringify(text)} is refused with its place`, () => {
    assert.throws(() => make(text), { code: 'PIPELINE_INVALID', message });
  });
}
