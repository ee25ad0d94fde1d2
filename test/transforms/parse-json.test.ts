import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../src/engine/batch.ts';
import { rowsOf } from '../../src/formats/rows.ts';
import { parseJson } from '../../src/transforms/parse-json.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

test('ParseJson passes JSON objects as they are, digits and spaces included', async t => {
  const { process } = await openTransform(t, parseJson, {});
  const batch = batchOf(['{"id":9007199254740993}', ' {"a" : 1.50} ', '{"__proto__":1}']);
  assert.deepEqual(await process(batch), { good: [batch] });
});

test('ParseJson fails what is no JSON object, and keeps order and metadata', async t => {
  const { process } = await openTransform(t, parseJson, {});
  const payloads = [
    '{"a":1}',
    'no',
    '[1]',
    'null',
    '7',
    '"text"',
    '',
    Buffer.from([0x7b, 0xff, 0x7d]),
    '{"b":2}',
  ];
  const metadata = payloads.map((_, i) => ({ messageId: String(i) }));
  const { good, failed } = await process(batchOf(payloads, { metadata }));
  assert.deepEqual(good.flatMap(textsOf), ['{"a":1}', '{"b":2}']);
  assert.deepEqual(good[0]?.metadata, [{ messageId: '0' }, { messageId: '8' }]);
  assert.deepEqual(
    failed?.metadata?.map(({ messageId }) => messageId),
    ['1', '2', '3', '4', '5', '6', '7'],
  );
  assert.deepEqual(
    failed?.failures?.map(({ code, message, transform }) => [code, message, transform]),
    [
      `Unexpected token 'o', "no" is not valid JSON`,
      'it is an array',
      'it is null',
      'it is a number',
      'it is a string',
      'Unexpected end of JSON input',
      'it is not valid UTF-8',
    ].map(why => ['NOT_JSON_OBJECT', `not a JSON object: ${why}`, 'Stage']),
  );
});

test('ParseJson puts a row that spans lines on one line, without touching its text', async t => {
  const { process } = await openTransform(t, parseJson, {});
  const times = Float64Array.of(5, 6);
  const { good } = await process(batchOf(['{\r\n "a": "x\\ny"\n}', '{"b":1}'], { times }));
  assert.deepEqual(good.flatMap(textsOf), ['{   "a": "x\\ny" }', '{"b":1}']);
  assert.deepEqual(good[0]?.times, times);
});

test('ParseJson looks at elements that lie among other bytes by themselves', async t => {
  const { process } = await openTransform(t, parseJson, {});
  const bytes = Buffer.concat([
    Buffer.from([0xff, 0x80]),
    Buffer.from('{"a":"é"}'),
    Buffer.from('\xfe{"a":"\xe9"}', 'latin1'),
  ]);
  const around = { count: 1, bytes, starts: Int32Array.of(2), ends: Int32Array.of(12) };
  assert.deepEqual((await process(around)).good.flatMap(textsOf), ['{"a":"é"}']);
  const { good, failed } = await process({
    ...around,
    count: 2,
    starts: Int32Array.of(2, 13),
    ends: Int32Array.of(12, 22),
  });
  assert.deepEqual(good.flatMap(textsOf), ['{"a":"é"}']);
  assert.deepEqual(
    failed?.failures?.map(({ message }) => message),
    ['not a JSON object: it is not valid UTF-8'],
  );
});

test('ParseJson parses from when rows are asked for, and gives the same either way', async t => {
  const { process } = await openTransform(t, parseJson, {});
  const batch = batchOf(['{"id":9007199254740993}', '{"b":"é"}', '{"b":1,"b":2}']);
  const rows = [{ id: 9007199254740993n }, { b: 'é' }, { b: 2 }];
  for (let round = 0; round < 3; round++) {
    const { good } = await process(batch);
    const [first = batch] = good;
    // Of a batch of its own: what was given is text to others.
    assert.notEqual(first, batch);
    assert.deepEqual(rowsOf(first, { form: 'row' }), rows);
    assert.deepEqual(textsOf(first), textsOf(batch));
  }
  assert.deepEqual(
    rowsOf(batch, { form: 'text', field: 'line' }),
    textsOf(batch).map(line => ({ line })),
  );
});

test('ParseJson takes text only', () => {
  assert.ok(parseJson.kind === 'transform');
  const { output } = parseJson;
  assert.deepEqual(output({ form: 'text', field: 'line' }, {}, []), { form: 'row' });
  assert.throws(() => output({ form: 'row' }, {}, []), {
    message: 'ParseJson takes text, but its input gives rows already',
  });
  assert.throws(() => output({ form: 'failure' }, {}, []), /EncodeDeadLetters makes rows of them/);
});
