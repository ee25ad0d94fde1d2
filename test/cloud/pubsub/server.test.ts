import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PubSub } from '@google-cloud/pubsub';
import { Metadata } from '@grpc/grpc-js';
import { servePubsub } from '../../../src/cloud/pubsub/server.ts';
import { isLocked } from '../../../src/cloud/pubsub/store.ts';
import type { PullStream } from '../../../src/connectors/pubsub/client.ts';
import {
  ackIdsOf,
  acknowledge,
  clientsOf,
  hasCode,
  makeTopic,
  newNames,
  publish,
  pullCount,
  pullNow,
  serveHere,
  textsOf,
} from '../../helpers/pubsub.ts';
import { smallDisk } from '../../helpers/small-disk.ts';

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;

test('keeps topics, subscriptions and messages over a restart, and makes what was held deliverable', async t => {
  const first = await serveHere(t);
  const { topic, subscription } = await makeTopic(first, { ackDeadlineSeconds: 600 });
  const before = await publish(first, topic, ['acknowledged', 'held', 'waiting']);
  const received = await pullCount(first, subscription, 2);
  await acknowledge(first, subscription, received.slice(0, 1));
  first.stop();
  const second = await serveHere(t, first.directory);
  assert.deepEqual(textsOf(await pullCount(second, subscription, 2)), ['held', 'waiting']);
  const [after] = await publish(second, topic, ['later']);
  assert.ok(Number(after) > Number(before.at(-1)), 'ids go on where they ended');
});

test('takes the acknowledgement of a message handed out before a restart', async t => {
  const first = await serveHere(t);
  const { topic, subscription } = await makeTopic(first);
  await publish(first, topic, ['one']);
  const received = await pullCount(first, subscription, 1);
  first.stop();
  const second = await serveHere(t, first.directory);
  await acknowledge(second, subscription, received);
  assert.deepEqual(await pullNow(second, subscription), []);
});

test('locks its folder', async t => {
  const { directory } = await serveHere(t);
  await assert.rejects(servePubsub({ directory, ports: [0], identity: 'second' }), isLocked);
});

test('delivers only what the filter of a subscription matches', async t => {
  const clients = await serveHere(t);
  const { topic, subscription } = await makeTopic(clients, { filter: 'attributes.kind = "order"' });
  await publish(clients, topic, [
    { data: Buffer.from('yes'), attributes: { kind: 'order' } },
    { data: Buffer.from('no'), attributes: { kind: 'refund' } },
    'neither',
  ]);
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 1)), ['yes']);
  assert.deepEqual(await pullNow(clients, subscription), []);
});

test('counts deliveries and moves a message to the dead-letter topic after the last', async t => {
  const clients = await serveHere(t);
  const dead = await makeTopic(clients);
  const { subscription, topic } = await makeTopic(clients, {
    deadLetterPolicy: { deadLetterTopic: dead.topic, maxDeliveryAttempts: 5 },
  });
  await publish(clients, topic, [{ data: Buffer.from('poison'), attributes: { kind: 'bad' } }]);
  for (let attempt = 1; attempt <= 5; attempt++) {
    const received = await pullCount(clients, subscription, 1);
    assert.equal((received[0] as unknown as { deliveryAttempt: number }).deliveryAttempt, attempt);
    const ackIds = ackIdsOf(received);
    await clients.subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: 0 });
  }
  const [moved] = await pullCount(clients, dead.subscription, 1);
  assert.equal(moved?.message?.data.toString(), 'poison');
  assert.equal(moved?.message?.attributes.kind, 'bad');
  assert.equal(moved?.message?.attributes.CloudPubSubDeadLetterSourceDeliveryCount, '5');
  assert.equal(
    `projects/test/subscriptions/${moved?.message?.attributes.CloudPubSubDeadLetterSourceSubscription}`,
    subscription,
  );
  assert.deepEqual(await pullNow(clients, subscription), []);
});

test('waits as the retry policy says before it delivers again', async t => {
  const clients = await serveHere(t);
  const { topic, subscription } = await makeTopic(clients, {
    retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 2 } },
  });
  await publish(clients, topic, ['slowly']);
  const ackIds = ackIdsOf(await pullCount(clients, subscription, 1));
  const startMs = Date.now();
  await clients.subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: 0 });
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 1)), ['slowly']);
  const waitedMs = Date.now() - startMs;
  assert.ok(waitedMs >= 950 && waitedMs < 2500, `${waitedMs} ms`);
});

test('delivers other keys while one is held', async t => {
  const clients = await serveHere(t);
  const { topic, subscription } = await makeTopic(clients, { enableMessageOrdering: true });
  const keyed = (key: string, text: string) => ({ data: Buffer.from(text), orderingKey: key });
  await publish(clients, topic, [keyed('a', 'a1'), keyed('b', 'b1')]);
  const [a1] = await pullCount(clients, subscription, 1);
  assert.equal(a1?.message?.data.toString(), 'a1');
  await publish(clients, topic, [keyed('a', 'a2'), keyed('a', 'a3'), 'none', keyed('b', 'b2')]);
  assert.deepEqual(textsOf(await pullNow(clients, subscription)), ['b1', 'none', 'b2']);
  assert.deepEqual(await pullNow(clients, subscription), []);
  if (a1) await acknowledge(clients, subscription, [a1]);
  assert.deepEqual(textsOf(await pullNow(clients, subscription)), ['a2', 'a3']);
});

test('gives back what a stream held when its connection is gone', async t => {
  const clients = await serveHere(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  await publish(clients, topic, ['a', 'b', 'c']);
  const doomed = clientsOf(clients.host);
  const stub = (await doomed.subscriber.initialize()) as unknown as {
    streamingPull(m: Metadata): PullStream;
  };
  const stream = stub.streamingPull(new Metadata());
  stream.on('error', () => {});
  stream.write({ subscription, streamAckDeadlineSeconds: 600 });
  await new Promise(resolve => stream.once('data', resolve));
  stream.cancel();
  assert.deepEqual(await pullNow(clients, subscription), [], 'the connection may still acknowledge');
  await doomed.close();
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 3)), ['a', 'b', 'c']);
});

test('forgets what is older than the time sought', async t => {
  const clients = await serveHere(t);
  const { topic, subscription } = await makeTopic(clients);
  await publish(clients, topic, ['old']);
  await sleep(20);
  const now = Date.now();
  await publish(clients, topic, ['new']);
  const time = { seconds: Math.floor(now / 1000), nanos: (now % 1000) * 1e6 };
  await clients.subscriber.seek({ subscription, time });
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 1)), ['new']);
});

test('says what it does not do', async t => {
  const clients = await serveHere(t);
  const { topic } = await makeTopic(clients);
  const create = (settings: object) =>
    clients.subscriber.createSubscription({ name: newNames().subscription, topic, ...settings });
  await assert.rejects(
    create({ pushConfig: { pushEndpoint: 'https://example.com' } }),
    hasCode(UNIMPLEMENTED),
  );
  await assert.rejects(create({ enableExactlyOnceDelivery: true }), hasCode(UNIMPLEMENTED));
  await assert.rejects(create({ filter: 'kind = 1' }), hasCode(INVALID_ARGUMENT));
  await assert.rejects(create({ ackDeadlineSeconds: 5 }), hasCode(INVALID_ARGUMENT));
});

test('refuses an acknowledgement of another subscription', async t => {
  const clients = await serveHere(t);
  const [mine, other] = [await makeTopic(clients), await makeTopic(clients)];
  await publish(clients, mine.topic, ['mine']);
  const received = await pullCount(clients, mine.subscription, 1);
  await assert.rejects(acknowledge(clients, other.subscription, received), hasCode(INVALID_ARGUMENT));
});

test('serves the high-level official client', async t => {
  const clients = await serveHere(t);
  Object.assign(process.env, { PUBSUB_EMULATOR_HOST: clients.host, METADATA_SERVER_DETECTION: 'none' });
  t.after(() => {
    delete process.env.PUBSUB_EMULATOR_HOST;
    delete process.env.METADATA_SERVER_DETECTION;
  });
  const pubsub = new PubSub({ projectId: 'test' });
  t.after(() => pubsub.close());
  const [topic] = await pubsub.createTopic('high-level');
  const [subscription] = await topic.createSubscription('high-level-in', { enableMessageOrdering: true });
  const received: string[] = [];
  const all = Promise.withResolvers<void>();
  subscription.on('error', all.reject);
  subscription.on('message', message => {
    received.push(`${message.data} ${message.attributes.n} ${message.orderingKey}`);
    message.ack();
    if (received.length === 20) all.resolve();
  });
  const ordered = pubsub.topic('high-level', { messageOrdering: true });
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      ordered.publishMessage({ data: Buffer.from(`m${i}`), attributes: { n: String(i) }, orderingKey: 'k' }),
    ),
  );
  await all.promise;
  assert.deepEqual(
    received,
    Array.from({ length: 20 }, (_, i) => `m${i} ${i} k`),
  );
  await subscription.close();
});

test('confirms nothing that a full disk does not hold, and goes on when there is room', async t => {
  const disk = await smallDisk(t, '4m');
  if (!disk) return;
  const clients = await serveHere(t, disk);
  const { topic, subscription } = await makeTopic(clients);
  const confirmed: string[] = [];
  const fill = async () => {
    for (;;) {
      const messages = Array.from({ length: 100 }, () => ({ data: Buffer.alloc(1000, 'x') }));
      const [{ messageIds }] = await clients.publisher.publish({ topic, messages }, { retry: null });
      confirmed.push(...(messageIds ?? []));
    }
  };
  await assert.rejects(fill(), hasCode(RESOURCE_EXHAUSTED));
  assert.ok(confirmed.length > 0);
  execFileSync('mount', ['-o', 'remount,size=32m', disk]);
  confirmed.push(...(await publish(clients, topic, ['room again'])));
  const delivered = new Set<string>();
  for (;;) {
    const received = await pullNow(clients, subscription);
    if (received.length === 0) break;
    for (const { message } of received) delivered.add(message?.messageId ?? '');
    await acknowledge(clients, subscription, received);
  }
  assert.deepEqual(
    confirmed.filter(id => !delivered.has(id)),
    [],
  );
});
