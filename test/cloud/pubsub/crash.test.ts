import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensurePubsub } from '../../../src/cloud/pubsub/service.ts';
import type { ReceivedMessage } from '../../../src/connectors/pubsub/client.ts';
import {
  ackIdsOf,
  type Clients,
  clientsHere,
  clientsOf,
  configHere,
  killService,
  makeTopic,
  textsOf,
} from '../../helpers/pubsub.ts';

const ROUNDS = 50;
const ONCE = { retry: null, timeout: 5000 } as const;

test('killed again and again, it loses no confirmed message and redelivers none that is acknowledged', async t => {
  const config = await configHere(t);
  const confirmed = new Set<string>();
  const delivered = new Set<string>();
  const acknowledged = new Set<string>();
  let next = 0;
  let kills = 0;

  const note = (received: readonly ReceivedMessage[]) => {
    for (const text of textsOf(received)) {
      assert.ok(!acknowledged.has(text), `${text} was acknowledged and came again`);
      delivered.add(text);
    }
  };
  const publishing = async ({ publisher }: Clients, topic: string) => {
    for (;;) {
      const texts = Array.from({ length: 5 }, () => `m${next++}`);
      await publisher.publish({ topic, messages: texts.map(text => ({ data: Buffer.from(text) })) }, ONCE);
      for (const text of texts) confirmed.add(text);
    }
  };
  const consuming = async ({ subscriber }: Clients, subscription: string) => {
    for (;;) {
      const [response] = await subscriber.pull({ subscription, maxMessages: 7 }, ONCE);
      const received = (response.receivedMessages ?? []) as ReceivedMessage[];
      note(received);
      if (received.length === 0) continue;
      await subscriber.acknowledge({ subscription, ackIds: ackIdsOf(received) }, ONCE);
      for (const text of textsOf(received)) acknowledged.add(text);
    }
  };

  const first = clientsOf((await ensurePubsub(config)).host);
  const { topic, subscription } = await makeTopic(first);
  await first.close();
  for (let round = 0; round < ROUNDS; round++) {
    const clients = clientsOf((await ensurePubsub(config)).host);
    const broken = Promise.allSettled([publishing(clients, topic), consuming(clients, subscription)]);
    await sleep(10 + ((round * 7) % 50));
    await killService(config);
    kills++;
    for (const result of await broken) {
      if (result.status === 'rejected' && result.reason instanceof assert.AssertionError) throw result.reason;
    }
    await clients.close();
  }

  const clients = await clientsHere(t, config);
  for (;;) {
    const request = { subscription, maxMessages: 1000, returnImmediately: true };
    const [response] = await clients.subscriber.pull(request, ONCE);
    const received = (response.receivedMessages ?? []) as ReceivedMessage[];
    if (received.length === 0) break;
    note(received);
    await clients.subscriber.acknowledge({ subscription, ackIds: ackIdsOf(received) }, ONCE);
  }
  const lost = [...confirmed].filter(text => !delivered.has(text));
  assert.deepEqual(lost, []);
  assert.equal(kills, ROUNDS);
  assert.ok(confirmed.size > ROUNDS * 5 && acknowledged.size > ROUNDS * 5, 'the rounds were about something');
});
