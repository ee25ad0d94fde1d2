import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFromPubSub } from '../../../src/connectors/pubsub/index.ts';
import type { SourceComponent } from '../../../src/engine/component.ts';
import {
  clientsHere,
  configHere,
  hasCode,
  killService,
  localPubsub,
  makeTopic,
  publish,
  pullCount,
  pullNow,
  textsOf,
} from '../../helpers/pubsub.ts';
import { openSource, payloads, readCount, readFor } from '../../helpers/pubsub-parts.ts';

const NOT_FOUND = 5;
const never = new AbortController().signal;

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `m${from + i}`);

test('gives the payloads as they are, with id, publish time, attributes and key', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { enableMessageOrdering: true });
  const data = Buffer.from([0, 0xff, 0xfe, 10]);
  const [id] = await publish(clients, topic, [{ data, attributes: { a: 'b' }, orderingKey: 'k' }]);
  const source = await openSource(t, config, { subscription });
  const [batch] = await readCount(source, 1);
  assert.deepEqual(Buffer.from(batch?.bytes ?? []), data);
  const [metadata] = batch?.metadata ?? [];
  assert.equal(metadata?.messageId, id);
  assert.deepEqual({ ...metadata?.attributes }, { a: 'b' });
  assert.equal(metadata?.key, 'k');
  const publishedMs = Date.parse(metadata?.publishTime ?? '');
  assert.equal(batch?.times?.[0], publishedMs);
  assert.ok(Math.abs(publishedMs - Date.now()) < 10_000);
});

test('waits for a message, and is idle when interrupted', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const source = await openSource(t, config, { subscription });
  assert.equal(await source.read(AbortSignal.timeout(50)), 'idle');
  assert.equal(await source.read(AbortSignal.abort()), 'idle');
  const reading = source.read(never);
  await publish(clients, topic, ['late']);
  const got = await reading;
  assert.ok(typeof got !== 'string');
  assert.deepEqual(payloads([got]), ['late']);
});

test('acknowledges after the checkpoint what was read before it, and nothing else', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  await publish(clients, topic, numbered(5));
  const source = await openSource(t, config, { subscription });
  await readCount(source, 5);
  source.snapshot();
  await publish(clients, topic, numbered(5, 5));
  await readCount(source, 5);
  await source.acknowledge?.();
  await source.close(false);
  assert.deepEqual(textsOf(await pullCount(clients, subscription, 5)).sort(), numbered(5, 5));
  assert.deepEqual(await pullNow(clients, subscription), []);
});

test('gives everything back when it is closed before a checkpoint', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  await publish(clients, topic, numbered(100));
  const source = await openSource(t, config, { subscription });
  await readCount(source, 100);
  source.snapshot();
  await source.close(false);
  assert.equal((await pullCount(clients, subscription, 100)).length, 100);
});

test('takes a message once that is delivered again after a restore, and acknowledges it', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  for (let i = 0; i < 5; i++) await publish(clients, topic, numbered(500, i * 500));
  const first = await openSource(t, config, { subscription });
  await readCount(first, 2500);
  const restored = first.snapshot();
  // The checkpoint is written, and the worker killed before it acknowledges.
  await first.close(false);
  await rm(join(config.home, 'jobs', 'job', 'stages', 'Read', 'worker-0-1.acks'));
  await publish(clients, topic, ['new']);
  const reports: string[] = [];
  const second = await openSource(t, config, { subscription }, { restored, reports });
  assert.deepEqual(payloads(await readCount(second, 1)), ['new']);
  assert.deepEqual(await readFor(second, 200), []);
  const snapshot = second.snapshot();
  assert.equal((snapshot as { duplicates: number }).duplicates, 2500);
  assert.ok(
    reports.some(each => /^DEBUG .*delivered again/.test(each)),
    reports.join(),
  );
  await second.acknowledge?.();
  await second.close(false);
  assert.deepEqual(await pullNow(clients, subscription), []);
});

test('acknowledges after a restore what the checkpoint holds, though nothing is read any more', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  await publish(clients, topic, numbered(500));
  const first = await openSource(t, config, { subscription });
  await readCount(first, 500);
  const restored = first.snapshot();
  await first.close(false);
  await (await openSource(t, config, { subscription }, { restored })).close(true);
  assert.deepEqual(await pullNow(clients, subscription), []);
});

test('is not held up by acknowledgements that are too old', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  await publish(clients, topic, ['one']);
  const first = await openSource(t, config, { subscription });
  await readCount(first, 1);
  const restored = first.snapshot();
  await first.close(false);
  await clients.subscriber.deleteSubscription({ subscription });
  await clients.subscriber.createSubscription({ name: subscription, topic });
  await publish(clients, topic, ['two']);
  const reports: string[] = [];
  const second = await openSource(t, config, { subscription }, { restored, reports });
  assert.deepEqual(payloads(await readCount(second, 1)), ['two']);
  assert.match(reports[0] ?? '', /^DEBUG old acknowledgements are refused/);
});

test('takes a message again that was read after the checkpoint it goes on from', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  await publish(clients, topic, ['before']);
  const first = await openSource(t, config, { subscription });
  await readCount(first, 1);
  const restored = first.snapshot();
  await first.acknowledge?.();
  await publish(clients, topic, ['after']);
  await readCount(first, 1);
  first.snapshot();
  await first.close(false);
  const second = await openSource(t, config, { subscription }, { restored });
  assert.deepEqual(payloads(await readCount(second, 1)), ['after']);
  assert.deepEqual(await readFor(second, 200), []);
});

test('tells messages apart by an attribute when asked to', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const message = (text: string, id?: string) => ({
    data: Buffer.from(text),
    ...(id && { attributes: { id } }),
  });
  await publish(clients, topic, [
    message('one', 'a'),
    message('one again', 'a'),
    message('two', 'b'),
    message('none'),
  ]);
  const source = await openSource(t, config, { subscription, id_attribute: 'id' });
  assert.deepEqual(payloads(await readCount(source, 3)), ['one', 'two', 'none']);
  source.snapshot();
  await source.acknowledge?.();
  await source.close(false);
  assert.deepEqual(await pullNow(clients, subscription), [], 'the double is acknowledged too');
});

test('makes rows of payload and attributes when asked to', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  await publish(clients, topic, [{ data: Buffer.from('"hi"'), attributes: { a: '1', b: '2' } }]);
  const settings = { subscription, attributes: ['a', 'missing'], attributes_map: 'all' };
  const source = await openSource(t, config, settings);
  assert.deepEqual((readFromPubSub as SourceComponent).output(settings), { form: 'row' });
  const [row = ''] = payloads(await readCount(source, 1));
  assert.deepEqual(JSON.parse(row), { payload: '"hi"', a: '1', missing: null, all: { a: '1', b: '2' } });
});

test('takes the event time from an attribute: milliseconds or RFC 3339', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const at = (ts: string) => ({ data: Buffer.from(ts), attributes: { ts } });
  await publish(clients, topic, [at('1700000000123'), at('2024-05-06T07:08:09.5Z')]);
  const source = await openSource(t, config, { subscription, timestamp_attribute: 'ts' });
  const [batch] = await readCount(source, 2);
  assert.deepEqual([...(batch?.times ?? [])], [1_700_000_000_123, Date.parse('2024-05-06T07:08:09.5Z')]);
  assert.equal(source.watermark(), 1_700_000_000_123 - 10_000);
  await publish(clients, topic, [at('yesterday')]);
  await assert.rejects(readCount(source, 1), { code: 'ELEMENT_FAILED', message: /'ts' is 'yesterday'/ });
});

test('reads a topic through a subscription of the job, the same after a resume, gone at the end', async t => {
  const { config, clients } = await localPubsub(t);
  const topic = 'projects/local/topics/by-topic';
  const reports: string[] = [];
  const first = await openSource(t, config, { topic }, { jobId: 'job-7', reports });
  assert.deepEqual(reports, [`INFO created ${topic}`]);
  await publish(clients, topic, ['one']);
  await readCount(first, 1);
  await first.close(false);
  const [subscriptions] = await clients.publisher.listTopicSubscriptions({ topic });
  assert.deepEqual(subscriptions, ['projects/local/subscriptions/sluice-job-7-Read']);
  const second = await openSource(t, config, { topic }, { jobId: 'job-7' });
  assert.deepEqual(payloads(await readCount(second, 1)), ['one']);
  await second.close(true);
  const [left] = await clients.publisher.listTopicSubscriptions({ topic });
  assert.deepEqual(left, []);
  const folder = join(config.home, 'jobs', 'job-7', 'stages', 'Read');
  assert.deepEqual(existsSync(folder) && readdirSync(folder), []);
});

test('keeps a subscription that it was given', async t => {
  const { config, clients } = await localPubsub(t);
  const { subscription } = await makeTopic(clients);
  await (await openSource(t, config, { subscription })).close(true);
  await clients.subscriber.getSubscription({ subscription });
});

test('refuses what it cannot read before it reads anything', async t => {
  const { config, clients } = await localPubsub(t);
  await assert.rejects(openSource(t, config, { subscription: 'orders-in' }), {
    code: 'PUBSUB_NOT_FOUND',
    message:
      'there is no subscription projects/local/subscriptions/orders-in: create it with `sluice pubsub create TOPIC --subscription orders-in`',
  });
  await assert.rejects(openSource(t, config, { subscription: 'projects/p/topics/abc' }), {
    code: 'PUBSUB_REFUSED',
    message: /not of the form projects\/PROJECT\/subscriptions\/ID/,
  });
  assert.throws(() => (readFromPubSub as SourceComponent).output({ topic: 'abc', format: 'JSON' }), {
    code: 'PIPELINE_INVALID',
    message: /ParseJson/,
  });
  const elsewhere = { home: config.home, pubsubHost: clients.host };
  await assert.rejects(openSource(t, elsewhere, { topic: 'nobody-made-it' }), {
    code: 'PUBSUB_NOT_FOUND',
    message: /there is no topic projects\/local\/topics\/nobody-made-it/,
  });
});

test('tells that its subscription was deleted', async t => {
  const { config, clients } = await localPubsub(t);
  const { subscription } = await makeTopic(clients);
  const source = await openSource(t, config, { subscription });
  await source.read(AbortSignal.timeout(100));
  await clients.subscriber.deleteSubscription({ subscription });
  await assert.rejects(source.read(AbortSignal.timeout(5000)), {
    code: 'PUBSUB_NOT_FOUND',
    message: /was deleted while it was read/,
  });
  await assert.rejects(clients.subscriber.getSubscription({ subscription }), hasCode(NOT_FOUND));
});

test('leaves with the service what it has no room for', async t => {
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  const request = Array.from({ length: 1000 }, () => ({ data: Buffer.alloc(1000, 'x') }));
  for (let i = 0; i < 60; i++) await publish(clients, topic, request);
  const source = await openSource(t, config, { subscription });
  await source.read(never);
  await sleep(500);
  assert.ok((await pullNow(clients, subscription)).length > 0, 'the backlog is not all in the worker');
});

test('goes on when the service is killed, without loss or double', async t => {
  const config = await configHere(t);
  const clients = await clientsHere(t, config);
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  const all = numbered(3000);
  for (let i = 0; i < all.length; i += 500) await publish(clients, topic, all.slice(i, i + 500));
  const source = await openSource(t, config, { subscription });
  const got = payloads(await readCount(source, 1));
  source.snapshot();
  await killService(config);
  await source.acknowledge?.();
  while (got.length < all.length) got.push(...payloads(await readCount(source, 1)));
  assert.deepEqual(got.sort(), all.sort());
  assert.deepEqual(await readFor(source, 300), []);
  source.snapshot();
  await source.acknowledge?.();
  await source.close(false);
  const after = await clientsHere(t, config);
  assert.deepEqual(await pullNow(after, subscription), []);
});
