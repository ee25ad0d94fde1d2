import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { connectKafka } from '../../../src/connectors/kafka/client.ts';
import { readFromKafka } from '../../../src/connectors/kafka/index.ts';
import { findPartitions, newPartitions } from '../../../src/connectors/kafka/partitions.ts';
import type { Batch } from '../../../src/engine/batch.ts';
import type { Json, Source, StageContext } from '../../../src/engine/component.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { type Sent, topicsOf, waitFor } from '../../helpers/kafka.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { startKafka } from '../../services/kafka.ts';
import { shared } from '../../services/service.ts';

const broker = shared(async t => {
  const kafka = await startKafka(t);
  return { kafka, topics: await topicsOf(t, kafka.address) };
});

const never = new AbortController().signal;
const valuesUpTo = (count: number, name = 'v'): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`);

describe('ReadFromKafka', { skip: missing('kafka') }, () => {
  it('reads what is there, each record once, and ends when it is asked to', async t => {
    const { source } = await sourceOf(t, valuesUpTo(5000), { stop_at_end: true });
    const texts = (await readToEnd(source)).flatMap(textsOf);
    assert.deepEqual(texts.sort(), valuesUpTo(5000).sort());
  });

  it('knows how many records are still to be read', async t => {
    const { topics } = await broker();
    const topic = await topics.make({ numPartitions: 1 });
    await topics.send(topic, valuesUpTo(9000));
    const { source } = await openOn(t, topic, { stop_at_end: true });
    assert.equal(source.backlog?.(), undefined);
    await source.read(never);
    const { elements = 0 } = source.backlog?.() ?? {};
    assert.ok(elements > 0 && elements < 9000, String(elements));
    await readToEnd(source);
    assert.deepEqual(source.backlog?.(), { elements: 0 });
  });

  it('gives key, headers, time and place of a record, and knows a tombstone', async t => {
    const { topics } = await broker();
    const topic = await topics.make({ numPartitions: 1 });
    await topics.send(topic, [
      { value: 'a', key: 'k', headers: { h: 'x', ü: 'ä' }, timestamp: '1700000000123' },
      { value: null, key: Buffer.from([0, 255]), timestamp: '1700000000124' },
    ]);
    const { source } = await openOn(t, topic, { stop_at_end: true });
    const [batch] = await readToEnd(source);
    const [first, second] = batch?.metadata ?? [];
    assert.deepEqual(Array.from(batch?.times ?? []), [1700000000123, 1700000000124]);
    assert.equal(first?.key, 'k');
    assert.deepEqual({ ...first?.attributes }, { h: 'x', ü: 'ä' });
    assert.equal(first?.messageId, `${topic}-0@0`);
    assert.equal(first?.publishTime, '2023-11-14T22:13:20.123Z');
    assert.deepEqual(second?.raw, { key: Buffer.from([0, 255]), headers: [], isNull: true });
    assert.deepEqual(textsOf(batch as Batch), ['a', '']);
  });

  it('begins with what comes after the first start, also when it is killed before the first checkpoint', async t => {
    const { topics } = await broker();
    const { reopen, topic, source } = await sourceOf(t, ['before'], { auto_offset_reset_config: 'latest' });
    await source.close(false);
    await topics.send(topic, ['between']);
    const again = await reopen();
    assert.deepEqual((await readCount(again, 1)).flatMap(textsOf), ['between']);
  });

  it('goes on from its snapshot, and from its own position where the group has another', async t => {
    const { kafka, topics } = await broker();
    const { reopen, topic, source } = await sourceOf(t, valuesUpTo(100), { group: 'g-own' });
    await readCount(source, 100);
    const snapshot = source.snapshot();
    await source.close(false);
    const client = await connectKafka({ bootstrap_servers: kafka.address }, { home: '/nowhere' });
    atEnd(t, () => client.close());
    await client.commitOffsets('g-own', [{ topic, partitions: [{ partition: 0, offset: '0' }] }]);
    await topics.send(topic, ['more']);
    const again = await reopen(snapshot);
    assert.deepEqual((await readCount(again, 1)).flatMap(textsOf), ['more']);
  });

  it('tells the group where it is, once that is durable, and begins where a group is', async t => {
    const { topics } = await broker();
    const group = 'g-told';
    const { topic, source } = await sourceOf(t, valuesUpTo(90), { group });
    await readCount(source, 90);
    source.snapshot();
    const committed = async () => {
      const [found] = await topics.admin.fetchOffsets({ groupId: group, topics: [topic] });
      return found?.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    };
    assert.equal(await committed(), 0);
    await source.acknowledge?.();
    await waitFor(async () => (await committed()) === 90, 'position of the group');
    await topics.send(topic, ['new']);
    const other = await openOn(t, topic, { group, commit_offset_in_finalize: false });
    assert.deepEqual((await readCount(other.source, 1)).flatMap(textsOf), ['new']);
    other.source.snapshot();
    await other.source.acknowledge?.();
    await other.source.close(true);
    assert.equal(await committed(), 90);
  });

  it('shares the partitions among workers, each read by one', async t => {
    const { topics } = await broker();
    const topic = await topics.make({ numPartitions: 5 });
    await topics.send(topic, valuesUpTo(1000));
    const texts: string[] = [];
    for (const index of [0, 1]) {
      const { source } = await openOn(t, topic, { stop_at_end: true }, { worker: { index, count: 2 } });
      const own = (await readToEnd(source)).flatMap(textsOf);
      assert.ok(own.length > 0);
      texts.push(...own);
    }
    assert.deepEqual(texts.sort(), valuesUpTo(1000).sort());
  });

  it('finds partitions that a topic is given later', async t => {
    const { kafka, topics } = await broker();
    const topic = await topics.make({ numPartitions: 2 });
    const client = await connectKafka({ bootstrap_servers: kafka.address }, { home: '/nowhere' });
    atEnd(t, () => client.close());
    const context = contextOf(await temporaryFolder(t), { worker: { index: 1, count: 2 } });
    const asked = { topics: [topic], start: 'latest', stopAtEnd: false } as const;
    const known = await findPartitions(client, asked, context);
    assert.deepEqual(
      known.map(({ partition }) => partition),
      [1],
    );
    await topics.admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
    await waitFor(async () => (await client.partitionsOf(topic)).length === 4, 'new partitions');
    assert.deepEqual(await newPartitions(client, asked, known, context), [
      { topic, partition: 3, position: 0, fetchAt: 0 },
    ]);
  });

  it('begins with a topic that an update adds as it is asked to, and with new partitions at their first record', async t => {
    const { kafka, topics } = await broker();
    const [old, added] = [await topics.make({ numPartitions: 1 }), await topics.make({ numPartitions: 1 })];
    await topics.send(old, valuesUpTo(5));
    await topics.send(added, valuesUpTo(7));
    const client = await connectKafka({ bootstrap_servers: kafka.address }, { home: '/nowhere' });
    atEnd(t, () => client.close());
    const context = contextOf(await temporaryFolder(t));
    const asked = { topics: [old], start: 'latest', stopAtEnd: false } as const;
    const placesOf = async (topicNames: string[], restored?: Json) =>
      (await findPartitions(client, { ...asked, topics: topicNames }, { ...context, restored })).map(
        ({ topic, partition, position }) => [topic, partition, position],
      );
    assert.deepEqual(await placesOf([old]), [[old, 0, 5]]);
    await topics.send(old, ['later']);
    await topics.admin.createPartitions({ topicPartitions: [{ topic: old, count: 2 }] });
    await waitFor(async () => (await client.partitionsOf(old)).length === 2, 'a new partition');
    const expected = [
      [old, 0, 2],
      [old, 1, 0],
      [added, 0, 7],
    ];
    assert.deepEqual(await placesOf([old, added], { positions: { [old]: { 0: 2 } } }), expected);
  });

  it('says what Kafka has deleted before it was read, and goes on behind it', async t => {
    const { topics } = await broker();
    const topic = await topics.make({ numPartitions: 1 });
    await topics.send(topic, valuesUpTo(10));
    const reports: string[] = [];
    const { source, reopen } = await openOn(t, topic, {}, { report: (_, text) => void reports.push(text) });
    await source.close(false);
    // So that kafkajs knows who leads the topic.
    await topics.admin.fetchTopicOffsets(topic);
    await topics.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] });
    const again = await reopen({ positions: { [topic]: { 0: 3 } } });
    assert.deepEqual((await readCount(again, 3)).flatMap(textsOf), ['v7', 'v8', 'v9']);
    assert.match(reports.join(), /has deleted the records 3 to 6 before they were read; going on at 7/);
  });

  it('waits for transactions to be committed, unless it is told not to', async t => {
    const { kafka, topics } = await broker();
    const topic = await topics.make({ numPartitions: 1 });
    const producer = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }).producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    atEnd(t, () => producer.disconnect());
    for (const end of ['abort', 'commit'] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value: end }] });
      await transaction[end]();
    }
    const committed = await openOn(t, topic, {});
    assert.deepEqual((await readCount(committed.source, 1)).flatMap(textsOf), ['commit']);
    const all = await openOn(t, topic, { isolation_level: 'read_uncommitted' });
    assert.deepEqual((await readCount(all.source, 2)).flatMap(textsOf), ['abort', 'commit']);
  });

  it('refuses a format that it cannot give', () => {
    const config = { topic: 't', bootstrap_servers: 'a:1', format: 'JSON' };
    assert.throws(() => readFromKafka.output(config), { code: 'PIPELINE_INVALID', message: /ParseJson/ });
  });
});

async function sourceOf(t: TestContext, values: readonly Sent[], config: object) {
  const { topics } = await broker();
  const topic = await topics.make();
  await topics.send(topic, values);
  return { topic, ...(await openOn(t, topic, config)) };
}

async function openOn(t: TestContext, topic: string, config: object, more: Partial<StageContext> = {}) {
  const { kafka } = await broker();
  const context = contextOf(await temporaryFolder(t), { streaming: true, ...more });
  const settings = {
    topic,
    bootstrap_servers: kafka.address,
    auto_offset_reset_config: 'earliest',
    ...config,
  };
  const reopen = async (restored?: Json, ours: Partial<StageContext> = {}) => {
    const source = await readFromKafka.open(settings, { ...context, restored, ...ours });
    atEnd(t, () => source.close(false));
    return source;
  };
  return { source: await reopen(), reopen, context };
}

async function readToEnd(source: Source): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (;;) {
    const got = await source.read(never);
    if (got === 'end') return batches;
    if (got !== 'idle') batches.push(got);
  }
}

/** Batches until there are as many elements. */
async function readCount(source: Source, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  const signal = AbortSignal.timeout(20_000);
  for (let read = 0; read < count; ) {
    const got = await source.read(signal);
    if (typeof got === 'string') throw new Error(`only ${read} of ${count} elements came: ${got}`);
    read += got.count;
    batches.push(got);
  }
  return batches;
}
