import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeToPubSub } from '../../../src/connectors/pubsub/index.ts';
import { batchOf, payloadOf } from '../../../src/engine/batch.ts';
import type { ElementType, SinkComponent } from '../../../src/engine/component.ts';
import {
  acknowledge,
  clientsHere,
  configHere,
  killService,
  localPubsub,
  makeTopic,
  pullCount,
  pullNow,
  textsOf,
} from '../../helpers/pubsub.ts';
import { openSink } from '../../helpers/pubsub-parts.ts';

const row: ElementType = { form: 'row' };

test('publishes the bytes of every element, in order, and has them confirmed by prepare', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const sink = await openSink(t, config, { topic });
  const texts = Array.from({ length: 2500 }, (_, i) => `m${i}`);
  assert.equal(await sink.write(batchOf(texts.slice(0, 2300))), undefined);
  await sink.write(batchOf([...texts.slice(2300), Buffer.from([0xff, 0x00])]));
  await sink.prepare();
  const received = await pullCount(clients, subscription, 2501);
  assert.deepEqual(Buffer.from(received.at(-1)?.message?.data ?? []), Buffer.from([0xff, 0x00]));
  assert.deepEqual(textsOf(received.slice(0, -1)).sort(), texts.sort());
  assert.deepEqual(sink.outputs?.(), [topic]);
});

test('lets attributes and ordering key go on only when asked to', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { enableMessageOrdering: true });
  const batch = batchOf(['a', 'b'], { metadata: [{ attributes: { x: '1' }, key: 'k' }, {}] });
  for (const keep_attributes of [true, false]) {
    const sink = await openSink(t, config, { topic, keep_attributes });
    await sink.write(batch);
    await sink.prepare();
    const received = await pullCount(clients, subscription, 2);
    assert.deepEqual(
      received.map(({ message }) => [
        message?.data.toString(),
        { ...message?.attributes },
        message?.orderingKey,
      ]),
      [
        ['a', keep_attributes ? { x: '1' } : {}, keep_attributes ? 'k' : ''],
        ['b', {}, ''],
      ],
    );
    await acknowledge(clients, subscription, received);
  }
});

test('keeps the order of messages with a key over many requests', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { enableMessageOrdering: true });
  const sink = await openSink(t, config, { topic, keep_attributes: true });
  const texts = Array.from({ length: 3000 }, (_, i) => `m${i}`);
  for (let i = 0; i < texts.length; i += 50) {
    const part = texts.slice(i, i + 50);
    await sink.write(batchOf(part, { metadata: part.map(() => ({ key: 'k' })) }));
  }
  await sink.prepare();
  const got: string[] = [];
  while (got.length < texts.length) {
    const received = await pullNow(clients, subscription);
    assert.ok(received.length > 0, `${got.length} came`);
    got.push(...textsOf(received));
    await acknowledge(clients, subscription, received);
  }
  assert.deepEqual(got, texts);
});

test('fails the elements that no Pub/Sub takes, and publishes the others', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const sink = await openSink(t, config, { topic, keep_attributes: true });
  const batch = batchOf(['good', '', Buffer.alloc(10_000_001, 'x'), 'bad attribute'], {
    metadata: [{}, {}, {}, { attributes: { k: 'v'.repeat(1025) } }],
  });
  const failed = (await sink.write(batch))?.failed;
  assert.equal(failed?.count, 3);
  assert.deepEqual(
    failed?.failures?.map(({ code, message, transform }) => [code, message, transform]),
    [
      [
        'PUBSUB_MESSAGE_REFUSED',
        'Pub/Sub does not take the message: it has neither data nor attributes',
        'Write',
      ],
      [
        'PUBSUB_MESSAGE_REFUSED',
        'Pub/Sub does not take the message: its data has 10000001 bytes; at most 10000000 are taken',
        'Write',
      ],
      [
        'PUBSUB_MESSAGE_REFUSED',
        "Pub/Sub does not take the message: the value of the attribute 'k' is longer than 1024 bytes",
        'Write',
      ],
    ],
  );
  assert.equal(failed && payloadOf(failed, 2).toString(), 'bad attribute');
  await sink.prepare();
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 1)), ['good']);
});

test('publishes rows as their JSON, untouched', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const sink = await openSink(t, config, { topic }, { input: row });
  await sink.write(batchOf(['{"id": 12345678901234567890, "b":1.0}']));
  await sink.prepare();
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 1)), [
    '{"id": 12345678901234567890, "b":1.0}',
  ]);
});

test('takes fields of rows out as attributes', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const settings = { topic, attributes: ['kind', 'count', 'none'], attributes_map: 'more' };
  const sink = await openSink(t, config, settings, { input: row });
  const result = await sink.write(
    batchOf([
      '{"kind":"x","count":12345678901234567890,"none":null,"more":{"y":"z","__proto__":"p"},"id":9007199254740993}',
      '{"more":"not an object"}',
      'not json',
    ]),
  );
  assert.deepEqual(
    result?.failed?.failures?.map(({ message }) => message.replace(/^.*: /, '')),
    ["its field 'more' is not an object", 'it is not a JSON object'],
  );
  await sink.prepare();
  const [received] = await pullCount(clients, subscription, 1);
  assert.equal(received?.message?.data.toString(), '{"id":9007199254740993}');
  const { kind, count, y } = received?.message?.attributes ?? {};
  assert.deepEqual([kind, count, y], ['x', '12345678901234567890', 'z']);
});

test('publishes the only field of a row as RAW', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const settings = { topic, format: 'RAW', attributes: ['kind'] };
  const sink = await openSink(t, config, settings, { input: row });
  const failed = (await sink.write(batchOf(['{"kind":"x","text":"plain"}', '{"a":1,"b":2}'])))?.failed;
  assert.match(failed?.failures?.[0]?.message ?? '', /must have one field to be the payload, and it has 2/);
  await sink.prepare();
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 1)), ['plain']);
});

test('adds an id by which the reader can tell messages apart, and the event time', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const sink = await openSink(t, config, { topic, id_attribute: 'id', timestamp_attribute: 'ts' });
  const times = Float64Array.of(1_700_000_000_000, 1_700_000_000_001);
  await sink.write(batchOf(['a', 'b'], { times, metadata: [{ messageId: '7' }, { messageId: '8' }] }));
  await sink.write(batchOf(['c'], { origin: { path: 'in.txt', offset: 90 } }));
  await sink.prepare();
  const received = await pullCount(clients, subscription, 3);
  const attributes = received.map(({ message }) => message?.attributes);
  assert.deepEqual(attributes.map(each => each?.id).sort(), ['7', '8', 'in.txt:90']);
  assert.equal(attributes.find(each => each?.id === '8')?.ts, '1700000000001');
});

test('makes a missing topic in the embedded service only', async t => {
  const { config, clients } = await localPubsub(t);
  const reports: string[] = [];
  await openSink(t, config, { topic: 'fresh-one' }, { reports });
  assert.deepEqual(reports, ['INFO created projects/local/topics/fresh-one']);
  await clients.publisher.getTopic({ topic: 'projects/local/topics/fresh-one' });
  const elsewhere = { home: config.home, pubsubHost: clients.host };
  await assert.rejects(openSink(t, elsewhere, { topic: 'not-there' }), {
    code: 'PUBSUB_NOT_FOUND',
    message: 'there is no topic projects/local/topics/not-there: create it, or name another',
  });
  await assert.rejects(openSink(t, config, { topic: 'projects/local/topics/x' }), {
    code: 'PUBSUB_REFUSED',
  });
});

test('refuses an input that cannot become messages', () => {
  const accept = (input: ElementType, settings: object = {}) =>
    (writeToPubSub as SinkComponent).accept?.(input, { topic: 'orders', ...settings });
  assert.throws(() => accept({ form: 'failure' }), {
    code: 'PIPELINE_INVALID',
    message: /EncodeDeadLetters/,
  });
  const text: ElementType = { form: 'text', field: 'line' };
  assert.throws(() => accept(text, { format: 'JSON' }), { code: 'PIPELINE_INVALID', message: /use RAW/ });
  assert.throws(() => accept(text, { attributes: ['a'] }), { code: 'PIPELINE_INVALID' });
  accept(text);
  accept(row, { format: 'JSON', attributes: ['a'] });
});

test('publishes everything at least once when the service is killed meanwhile', async t => {
  const config = await configHere(t);
  const clients = await clientsHere(t, config);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  const sink = await openSink(t, config, { topic });
  const texts = Array.from({ length: 20_000 }, (_, i) => `m${i}`);
  const writing = (async () => {
    for (let i = 0; i < texts.length; i += 200) await sink.write(batchOf(texts.slice(i, i + 200)));
    await sink.prepare();
  })();
  for (let kill = 0; kill < 3; kill++) {
    await sleep(30);
    await killService(config);
    await sleep(300);
  }
  await writing;
  const after = await clientsHere(t, config);
  const got = new Set<string>();
  for (;;) {
    const received = await pullNow(after, subscription);
    if (received.length === 0) break;
    for (const text of textsOf(received)) got.add(text);
    await acknowledge(after, subscription, received);
  }
  assert.equal(got.size, texts.length);
});

test('fails when its topic is deleted while it writes', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic } = await makeTopic(clients);
  const sink = await openSink(t, config, { topic });
  await sink.write(batchOf(['a']));
  await sink.prepare();
  await clients.publisher.deleteTopic({ topic });
  await sink.write(batchOf(['b']));
  await assert.rejects(sink.prepare(), { code: 'PUBSUB_NOT_FOUND', message: /NOT_FOUND/ });
});
