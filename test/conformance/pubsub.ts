/** What every Pub/Sub does: one suite, run through the official client against any host. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import type { PullStream, ReceivedMessage } from '../../src/connectors/pubsub/client.ts';
import {
  ackIdsOf,
  acknowledge,
  type Clients,
  clientsOf,
  hasCode,
  makeTopic,
  newNames,
  publish,
  pullCount,
  pullNow,
  textsOf,
} from '../helpers/pubsub.ts';
import { type Lifetime, shared } from '../services/service.ts';

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/** `strict`: also what Google documents and its emulator leaves out. */
export function describePubsub(
  name: string,
  start: (lifetime: Lifetime) => Promise<{ address: string }>,
  { skip = false, strict = false }: { skip?: string | false; strict?: boolean } = {},
): void {
  describe(name, { skip }, () => {
    const service = shared(start);
    let clients: Clients;
    before(async () => {
      clients = clientsOf((await service()).address);
    });
    after(() => clients?.close());
    describeResources(() => clients);
    describePublishing(() => clients);
    describeDelivery(() => clients);
    describeOrdering(() => clients);
    describeStreaming(() => clients);
    if (strict) describeStrictness(() => clients);
  });
}

function describeResources(clients: () => Clients): void {
  it('creates, gets, lists and deletes topics', async () => {
    const { publisher } = clients();
    const { topic } = newNames();
    await publisher.createTopic({ name: topic, labels: { team: 'blue' } });
    const [got] = await publisher.getTopic({ topic });
    assert.equal(got.name, topic);
    assert.deepEqual(got.labels, { team: 'blue' });
    const [listed] = await publisher.listTopics({ project: 'projects/test' });
    assert.ok(listed.some(({ name }) => name === topic));
    await publisher.deleteTopic({ topic });
    await assert.rejects(publisher.getTopic({ topic }), hasCode(NOT_FOUND));
  });

  it('creates, gets, lists and deletes subscriptions', async () => {
    const { publisher, subscriber } = clients();
    const { topic, subscription } = await makeTopic(clients(), { ackDeadlineSeconds: 30 });
    const [got] = await subscriber.getSubscription({ subscription });
    assert.equal(got.topic, topic);
    assert.equal(got.ackDeadlineSeconds, 30);
    const [ofTopic] = await publisher.listTopicSubscriptions({ topic });
    assert.deepEqual(ofTopic, [subscription]);
    await subscriber.deleteSubscription({ subscription });
    await assert.rejects(subscriber.getSubscription({ subscription }), hasCode(NOT_FOUND));
    await assert.rejects(pullNow(clients(), subscription), hasCode(NOT_FOUND));
  });

  it('gives a subscription ten seconds to acknowledge unless told otherwise', async () => {
    const { subscription } = await makeTopic(clients());
    const [got] = await clients().subscriber.getSubscription({ subscription });
    assert.equal(got.ackDeadlineSeconds, 10);
  });

  it('lists in pages', async () => {
    const { publisher } = clients();
    const project = `projects/pages${Date.now()}`;
    const names = ['alpha', 'beta', 'gamma'].map(id => `${project}/topics/${id}`);
    for (const name of names) await publisher.createTopic({ name });
    const [first, , response] = await publisher.listTopics({ project, pageSize: 2 }, { autoPaginate: false });
    assert.equal(first.length, 2);
    const pageToken = response?.nextPageToken ?? '';
    const [second] = await publisher.listTopics({ project, pageSize: 2, pageToken }, { autoPaginate: false });
    assert.deepEqual([...first, ...second].map(({ name }) => name).sort(), names);
  });

  it('refuses to create what exists', async () => {
    const { publisher, subscriber } = clients();
    const { topic, subscription } = await makeTopic(clients());
    await assert.rejects(publisher.createTopic({ name: topic }), hasCode(ALREADY_EXISTS));
    await assert.rejects(
      subscriber.createSubscription({ name: subscription, topic }),
      hasCode(ALREADY_EXISTS),
    );
  });

  it('refuses what is missing', async () => {
    const { publisher, subscriber } = clients();
    const { topic, subscription } = newNames();
    await assert.rejects(publish(clients(), topic, ['a']), hasCode(NOT_FOUND));
    await assert.rejects(publisher.deleteTopic({ topic }), hasCode(NOT_FOUND));
    await assert.rejects(subscriber.createSubscription({ name: subscription, topic }), hasCode(NOT_FOUND));
    await assert.rejects(pullNow(clients(), subscription), hasCode(NOT_FOUND));
  });

  it('refuses bad names', async () => {
    const { publisher } = clients();
    for (const name of [
      'projects/test/topics/ab',
      'projects/test/topics/1abc',
      'topics/abc',
      'projects/test/topics/a b c',
    ]) {
      await assert.rejects(publisher.createTopic({ name }), hasCode(INVALID_ARGUMENT), name);
    }
  });

  it('keeps the subscriptions of a deleted topic', async () => {
    const { publisher, subscriber } = clients();
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, ['kept']);
    await publisher.deleteTopic({ topic });
    const [got] = await subscriber.getSubscription({ subscription });
    assert.equal(got.topic, '_deleted-topic_');
    assert.deepEqual(textsOf(await pullCount(clients(), subscription, 1)), ['kept']);
  });

  it('changes the masked fields of a subscription', async () => {
    const { subscriber } = clients();
    const { topic, subscription } = await makeTopic(clients());
    await subscriber.updateSubscription({
      subscription: { name: subscription, topic, ackDeadlineSeconds: 77 },
      updateMask: { paths: ['ack_deadline_seconds'] },
    });
    const [got] = await subscriber.getSubscription({ subscription });
    assert.equal(got.ackDeadlineSeconds, 77);
  });
}

function describePublishing(clients: () => Clients): void {
  it('delivers data, attributes, id and publish time', async () => {
    const { topic, subscription } = await makeTopic(clients());
    const before = Date.now();
    const data = Buffer.from([0, 1, 0xff, 0xfe, 10, 13]);
    const [id] = await publish(clients(), topic, [{ data, attributes: { kind: 'x', ключ: 'значение' } }]);
    const [received] = await pullCount(clients(), subscription, 1);
    const message = received?.message;
    assert.deepEqual(Buffer.from(message?.data ?? []), data);
    assert.deepEqual({ ...message?.attributes }, { kind: 'x', ключ: 'значение' });
    assert.equal(message?.messageId, id);
    const publishedMs =
      Number(message?.publishTime?.seconds) * 1000 + Number(message?.publishTime?.nanos) / 1e6;
    assert.ok(publishedMs >= before - 1000 && publishedMs <= Date.now() + 1000, String(publishedMs));
  });

  it('gives every message an id of its own, in the order of the request', async () => {
    const { topic, subscription } = await makeTopic(clients());
    const texts = Array.from({ length: 100 }, (_, i) => `m${i}`);
    const ids = [...(await publish(clients(), topic, texts)), ...(await publish(clients(), topic, texts))];
    assert.equal(new Set(ids).size, 200);
    const received = await pullCount(clients(), subscription, 200);
    const byId = new Map(received.map(({ message }) => [message?.messageId ?? '', message?.data.toString()]));
    assert.deepEqual(
      ids.map(id => byId.get(id)),
      [...texts, ...texts],
    );
  });

  it('takes a message of attributes alone, and refuses an empty one', async () => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, [{ attributes: { only: 'this' } }]);
    const [received] = await pullCount(clients(), subscription, 1);
    assert.equal(received?.message?.data.length, 0);
    await assert.rejects(publish(clients(), topic, [{}]), hasCode(INVALID_ARGUMENT));
  });

  it('refuses more than a thousand messages, and none', async () => {
    const { topic } = await makeTopic(clients());
    const many = Array.from({ length: 1001 }, () => 'x');
    await assert.rejects(publish(clients(), topic, many), hasCode(INVALID_ARGUMENT));
    await assert.rejects(publish(clients(), topic, []), hasCode(INVALID_ARGUMENT));
  });

  it('carries a message of nine megabytes', async () => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, [{ data: Buffer.alloc(9_000_000, 'z') }]);
    const [received] = await pullCount(clients(), subscription, 1);
    assert.equal(received?.message?.data.length, 9_000_000);
  });

  it('gives each subscription its own copy, of what came after it', async () => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, ['early']);
    const later = newNames().subscription;
    await clients().subscriber.createSubscription({ name: later, topic });
    await publish(clients(), topic, ['late']);
    assert.deepEqual(textsOf(await pullCount(clients(), subscription, 2)).sort(), ['early', 'late']);
    assert.deepEqual(textsOf(await pullCount(clients(), later, 1)), ['late']);
    assert.deepEqual(await pullNow(clients(), later), []);
  });
}

function describeDelivery(clients: () => Clients): void {
  it('does not deliver again what is acknowledged or held', async () => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, ['a', 'b']);
    const received = await pullCount(clients(), subscription, 2);
    assert.deepEqual(await pullNow(clients(), subscription), []);
    await acknowledge(clients(), subscription, received);
    await clients().subscriber.modifyAckDeadline({
      subscription,
      ackIds: ackIdsOf(received),
      ackDeadlineSeconds: 0,
    });
    await sleep(300);
    assert.deepEqual(await pullNow(clients(), subscription), []);
  });

  it('delivers again at once what is given back', async () => {
    const { topic, subscription } = await makeTopic(clients());
    const [id] = await publish(clients(), topic, ['again']);
    const first = await pullCount(clients(), subscription, 1);
    await clients().subscriber.modifyAckDeadline({
      subscription,
      ackIds: ackIdsOf(first),
      ackDeadlineSeconds: 0,
    });
    const second = await pullCount(clients(), subscription, 1);
    assert.equal(second[0]?.message?.messageId, id);
    assert.notEqual(second[0]?.ackId, first[0]?.ackId);
  });

  it('delivers again what is not acknowledged in time', async () => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, ['slow', 'held']);
    const received = await pullCount(clients(), subscription, 2);
    const slow = received.filter(({ message }) => message?.data.toString() === 'slow');
    await clients().subscriber.modifyAckDeadline({
      subscription,
      ackIds: ackIdsOf(slow),
      ackDeadlineSeconds: 1,
    });
    assert.deepEqual(await pullNow(clients(), subscription), []);
    await sleep(1500);
    assert.deepEqual(textsOf(await pullCount(clients(), subscription, 1)), ['slow']);
    assert.deepEqual(await pullNow(clients(), subscription), []);
  });

  it('refuses an acknowledgement of nothing', async () => {
    const { subscription } = await makeTopic(clients());
    await assert.rejects(acknowledge(clients(), subscription, []), hasCode(INVALID_ARGUMENT));
  });

  it('waits for a first message when asked to', async () => {
    const { topic, subscription } = await makeTopic(clients());
    const pulling = clients().subscriber.pull({ subscription, maxMessages: 10 });
    await sleep(200);
    await publish(clients(), topic, ['awaited']);
    const [{ receivedMessages }] = await pulling;
    assert.deepEqual(textsOf((receivedMessages ?? []) as ReceivedMessage[]), ['awaited']);
  });

  it('refuses a pull of no messages', async () => {
    const { subscription } = await makeTopic(clients());
    await assert.rejects(pullNow(clients(), subscription, 0), hasCode(INVALID_ARGUMENT));
  });
}

function describeOrdering(clients: () => Clients): void {
  it('delivers the messages of one ordering key in order', async () => {
    const { topic, subscription } = await makeTopic(clients(), { enableMessageOrdering: true });
    const texts = Array.from({ length: 30 }, (_, i) => `m${i}`);
    for (const text of texts)
      await publish(clients(), topic, [{ data: Buffer.from(text), orderingKey: 'k' }]);
    const got: string[] = [];
    while (got.length < texts.length) {
      const received = await pullCount(clients(), subscription, 1);
      assert.equal(received[0]?.message?.orderingKey, 'k');
      got.push(...textsOf(received));
      await acknowledge(clients(), subscription, received);
    }
    assert.deepEqual(got, texts);
  });
}

function describeStreaming(clients: () => Clients): void {
  it('streams what waits and what comes', async t => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(clients(), topic, ['waiting']);
    const stream = await openStream(clients(), { subscription });
    t.after(() => stream.cancel());
    assert.deepEqual(textsOf(await collect(stream, 1)), ['waiting']);
    const coming = collect(stream, 1);
    await publish(clients(), topic, ['coming']);
    assert.deepEqual(textsOf(await coming), ['coming']);
  });

  it('refuses a stream of a missing subscription', async () => {
    const stream = await openStream(clients(), { subscription: newNames().subscription });
    const error = await new Promise<Error>(resolve => stream.on('error', resolve));
    assert.ok(hasCode(NOT_FOUND)(error), error.message);
  });
}

function describeStrictness(clients: () => Clients): void {
  it('refuses attributes that are too long', async () => {
    const { topic } = await makeTopic(clients());
    const withAttributes = (attributes: object) =>
      publish(clients(), topic, [{ data: Buffer.from('x'), attributes }]);
    await assert.rejects(withAttributes({ ['k'.repeat(257)]: 'v' }), hasCode(INVALID_ARGUMENT));
    await assert.rejects(withAttributes({ k: 'v'.repeat(1025) }), hasCode(INVALID_ARGUMENT));
    const tooMany = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, 'v']));
    await assert.rejects(withAttributes(tooMany), hasCode(INVALID_ARGUMENT));
  });

  it('delivers what follows a message of the same key again with it', async () => {
    const { topic, subscription } = await makeTopic(clients(), { enableMessageOrdering: true });
    await publish(
      clients(),
      topic,
      ['1', '2', '3'].map(text => ({ data: Buffer.from(text), orderingKey: 'k' })),
    );
    const first = await pullCount(clients(), subscription, 1);
    assert.deepEqual(textsOf(first), ['1']);
    await clients().subscriber.modifyAckDeadline({
      subscription,
      ackIds: ackIdsOf(first),
      ackDeadlineSeconds: 0,
    });
    const got: string[] = [];
    while (got.length < 3) {
      const received = await pullCount(clients(), subscription, 1);
      got.push(...textsOf(received));
      await acknowledge(clients(), subscription, received);
    }
    assert.deepEqual(got, ['1', '2', '3']);
  });

  it('holds back beyond what a stream may have outstanding', async t => {
    const { topic, subscription } = await makeTopic(clients());
    await publish(
      clients(),
      topic,
      Array.from({ length: 50 }, (_, i) => `m${i}`),
    );
    const stream = await openStream(clients(), { subscription, maxOutstandingMessages: 10 });
    t.after(() => stream.cancel());
    const first = await collect(stream, 10);
    assert.equal(first.length, 10);
    const more = collect(stream, 10);
    await sleep(300);
    stream.write({ ackIds: ackIdsOf(first) });
    assert.equal((await more).length, 10);
  });
}

async function openStream({ subscriber }: Clients, request: object): Promise<PullStream> {
  const stub = (await subscriber.initialize()) as unknown as {
    streamingPull(metadata: Metadata): PullStream;
  };
  const stream = stub.streamingPull(new Metadata());
  stream.on('error', () => {});
  stream.write({ streamAckDeadlineSeconds: 10, ...request });
  return stream;
}

async function collect(stream: PullStream, count: number): Promise<ReceivedMessage[]> {
  const received: ReceivedMessage[] = [];
  const enough = Promise.withResolvers<void>();
  const listen = (response: { receivedMessages: ReceivedMessage[] }) => {
    received.push(...response.receivedMessages);
    if (received.length >= count) enough.resolve();
  };
  stream.on('data', listen);
  await Promise.race([enough.promise, sleep(5000, undefined, { ref: false })]);
  stream.off('data', listen);
  return received;
}
