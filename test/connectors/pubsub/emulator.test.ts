import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../../src/engine/batch.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { clientsOf, configHere, makeTopic, pullNow } from '../../helpers/pubsub.ts';
import { openSink, openSource, payloads, readCount } from '../../helpers/pubsub-parts.ts';
import { missing } from '../../services/index.ts';
import { startPubsub } from '../../services/pubsub.ts';

test("writes to Google's emulator and reads from it", { skip: missing('pubsub') }, async t => {
  const emulator = await startPubsub(t);
  const clients = clientsOf(emulator.address);
  atEnd(t, clients.close);
  const config = { ...(await configHere(t)), pubsubHost: emulator.address };
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  const sink = await openSink(t, config, { topic });
  const texts = Array.from({ length: 5000 }, (_, i) => `m${i}`);
  for (let i = 0; i < texts.length; i += 1000) await sink.write(batchOf(texts.slice(i, i + 1000)));
  await sink.prepare();

  const source = await openSource(t, config, { subscription });
  assert.deepEqual(payloads(await readCount(source, texts.length)).sort(), texts.sort());
  source.snapshot();
  await source.acknowledge?.();
  await source.close(false);
  assert.deepEqual(await pullNow(clients, subscription), []);
});
