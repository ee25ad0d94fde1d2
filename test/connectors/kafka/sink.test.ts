import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import type { ITopicConfig } from 'kafkajs';
import { writeToKafka } from '../../../src/connectors/kafka/index.ts';
import { batchOf } from '../../../src/engine/batch.ts';
import type { Json, Sink, StageContext } from '../../../src/engine/component.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { topicsOf } from '../../helpers/kafka.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { startKafka } from '../../services/kafka.ts';
import { shared } from '../../services/service.ts';

const broker = shared(async t => {
  const kafka = await startKafka(t);
  return { kafka, topics: await topicsOf(t, kafka.address) };
});

const valuesUpTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `value ${i}`);
const row = { input: { form: 'row' } as const };

describe('WriteToKafka', { skip: missing('kafka') }, () => {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    it(`sends messages with compression ${compression}`, async t => {
      const { sink, topic, topics } = await sinkOn(t, { compression });
      await sink.write(batchOf(valuesUpTo(5000)));
      await checkpoint(sink);
      const values = (await topics.readAll(topic)).map(({ value }) => value);
      assert.deepEqual(values.toSorted(), valuesUpTo(5000).sort());
    });

  it('shows nothing before the commit, and each message once however often that is repeated', async t => {
    const { sink, reopen, topic, topics } = await sinkOn(t, {});
    await sink.write(batchOf(['a', 'b']));
    const restored = await sink.prepare();
    assert.equal((await topics.readAll(topic)).length, 0);
    await sink.commit();
    await sink.commit();
    assert.equal((await topics.readAll(topic)).length, 2);
    // As after a crash between the commit and whatever follows it.
    await sink.close(false);
    const again = await reopen(restored);
    await again.commit();
    await again.write(batchOf(['c']));
    await checkpoint(again);
    const values = (await topics.readAll(topic)).map(({ value }) => value);
    assert.deepEqual(values.sort(), ['a', 'b', 'c']);
  });

  it('repeats a commit that was killed before it', async t => {
    const { sink, reopen, topic, topics } = await sinkOn(t, {});
    await sink.write(batchOf(valuesUpTo(100)));
    const restored = await sink.prepare();
    await sink.write(batchOf(['after the checkpoint']));
    await sink.close(false);
    const again = await reopen(restored);
    await again.commit();
    assert.equal((await topics.readAll(topic)).length, 100);
  });

  it('takes key and headers from rows', async t => {
    const { sink, topic, topics } = await sinkOn(t, { key: 'id', headers: ['source', 'none'] }, {}, row);
    await sink.write(batchOf(['{"id":7,"source":"x","none":null,"n":1}', '{"id":null,"n":2}']));
    await checkpoint(sink);
    const found = (await topics.readAll(topic)).map(({ key, value, headers }) => ({ key, value, headers }));
    assert.deepEqual(
      found.sort((a, b) => String(b.key).localeCompare(String(a.key))),
      [
        { key: null, value: '{"id":null,"n":2}', headers: [] },
        {
          key: '7',
          value: '{"id":7,"n":1}',
          headers: [
            ['source', 'x'],
            ['none', null],
          ],
        },
      ],
    );
  });

  it('puts keys where other clients put them', async t => {
    const { sink, topic, topics } = await sinkOn(t, { key: 'k' }, { numPartitions: 7 }, row);
    const other = await topics.make({ numPartitions: 7 });
    const keys = Array.from({ length: 200 }, (_, i) => `${randomUUID().slice(0, i % 30)}ü${i}`);
    await sink.write(batchOf(keys.map(k => JSON.stringify({ k }))));
    await checkpoint(sink);
    await topics.send(
      other,
      keys.map(key => ({ key, value: 'x' })),
    );
    const placesIn = async (name: string) =>
      Object.fromEntries((await topics.readAll(name)).map(({ key, partition }) => [key, partition]));
    assert.deepEqual(await placesIn(topic), await placesIn(other));
  });

  it('refuses single messages that are too large, or that a topic compacted by key cannot keep', async t => {
    const small = { configEntries: [{ name: 'max.message.bytes', value: '20000' }] };
    const { sink, topic, topics } = await sinkOn(t, {}, small);
    const result = await sink.write(batchOf(['fits', 'x'.repeat(20_000)]));
    await checkpoint(sink);
    assert.match(
      result?.failed?.failures?.[0]?.message ?? '',
      /has 200\d\d bytes, and the topic takes 20000/,
    );
    assert.deepEqual(textsOf(result?.failed ?? batchOf([])), ['x'.repeat(20_000)]);
    assert.equal((await topics.readAll(topic)).length, 1);
    const compacted = { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] };
    const keyed = await sinkOn(t, {}, compacted);
    const refused = await keyed.sink.write(batchOf(['no key']));
    assert.match(refused?.failed?.failures?.[0]?.message ?? '', /has no key/);
  });

  it('sends at once where that is asked for', async t => {
    const { sink, topic, topics } = await sinkOn(t, { exactly_once: false });
    await sink.write(batchOf(valuesUpTo(3000)));
    await sink.prepare();
    assert.equal((await topics.readAll(topic)).length, 3000);
  });

  it('refuses a topic that is not there', async t => {
    await assert.rejects(sinkOn(t, { topic: 'nowhere' }), { code: 'KAFKA_TOPIC_NOT_FOUND' });
  });
});

async function sinkOn(
  t: TestContext,
  config: object,
  topicSettings: Partial<ITopicConfig> = {},
  more: Partial<StageContext> = {},
) {
  const { kafka, topics } = await broker();
  const topic = await topics.make(topicSettings);
  const context = contextOf(await temporaryFolder(t), { streaming: true, jobId: randomUUID(), ...more });
  const reopen = async (restored?: Json): Promise<Sink> => {
    const settings = { topic, bootstrap_servers: kafka.address, ...config };
    const sink = await writeToKafka.open(settings, { ...context, restored });
    atEnd(t, () => sink.close(false));
    return sink;
  };
  return { sink: await reopen(), reopen, topic, topics };
}

async function checkpoint(sink: Sink): Promise<void> {
  await sink.prepare();
  await sink.commit();
}
