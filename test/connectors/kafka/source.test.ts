import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { readFromKafka } from '../../../src/connectors/kafka/index.ts';
import type { Batch } from '../../../src/engine/batch.ts';
import type { Json, Source, StageContext } from '../../../src/engine/component.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { type Sent, topicsOf } from '../../helpers/kafka.ts';
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
