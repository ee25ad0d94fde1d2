import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../src/engine/batch.ts';
import { makeDocuments } from '../../src/transforms/make-documents.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

test('attributes become fields, in the place of those of the payload, and no prototype', async t => {
  const { process } = await openTransform(t, makeDocuments, {});
  const attributes = { a: 'attribute', ['__proto__']: 'x' };
  const { good } = await process(
    batchOf(['{"a":1,"n":9007199254740993}', ''], { metadata: [{ attributes }, {}] }),
  );
  assert.deepEqual(good.flatMap(textsOf), ['{"a":"attribute","n":9007199254740993,"__proto__":"x"}', '{}']);
});

test('attributes can be left out', async t => {
  const { process } = await openTransform(t, makeDocuments, { attributes: false });
  const { good } = await process(batchOf(['{"a":1}'], { metadata: [{ attributes: { a: 'b' } }] }));
  assert.deepEqual(good.flatMap(textsOf), ['{"a":1}']);
});

const times: [what: string, payload: string, time: string][] = [
  ['its own @timestamp', '{"@timestamp":"a","timestamp":"b"}', 'a'],
  ['its timestamp', '{"timestamp":"b","protoPayload":{"timestamp":"c"}}', 'b'],
  ['that of its protoPayload', '{"protoPayload":{"timestamp":"c"}}', 'c'],
  ['the time of publishing', '{"protoPayload":[1]}', '2026-11-20T10:00:00Z'],
];
for (const [what, payload, time] of times)
  test(`the time of a log entry is ${what}`, async t => {
    const { process } = await openTransform(t, makeDocuments, {
      dataset: 'VPCFLOW',
      namespace: 'n',
      message: false,
    });
    const metadata = [{ publishTime: '2026-11-20T10:00:00Z' }];
    const { good } = await process(batchOf([payload], { metadata }));
    const document = JSON.parse(good.flatMap(textsOf)[0] ?? '');
    assert.equal(document['@timestamp'], time);
    assert.equal(document.timestamp, undefined);
    assert.equal(document.message, undefined);
    assert.deepEqual(document.data_stream, { type: 'logs', dataset: 'gcp.vpcflow', namespace: 'n' });
  });

test('an element without any time is of now', async t => {
  const { process } = await openTransform(t, makeDocuments, { dataset: 'pubsub' });
  const before = Date.now();
  const { good } = await process(batchOf(['{"n":1}']));
  const { '@timestamp': time, message } = JSON.parse(good.flatMap(textsOf)[0] ?? '');
  assert.ok(Date.parse(time) >= before);
  assert.equal(message, '{"n":1}');
});

test('what is no JSON object fails, and says why', async t => {
  const { process } = await openTransform(t, makeDocuments, {});
  const { good, failed } = await process(
    batchOf(['[1]', 'null', '"a"', '{', Buffer.from([0x7b, 0xff]), '{"a":1}']),
  );
  assert.equal(good.flatMap(textsOf).length, 1);
  const reasons = failed?.failures?.map(({ message }) => message) ?? [];
  assert.deepEqual(reasons.slice(0, 3), [
    'not a JSON object: it is an array',
    'not a JSON object: it is null',
    'not a JSON object: it is a string',
  ]);
  assert.match(reasons[3] ?? '', /^not a JSON object: Expected property name/);
  assert.equal(reasons[4], 'not a JSON object: it is not valid UTF-8');
});
