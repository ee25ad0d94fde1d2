import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { readAnnouncement } from '../../../src/cloud/pubsub/announcement.ts';
import { pubsubDirectory } from '../../../src/config.ts';
import { acknowledge, clientsHere, configHere, makeTopic, publish, pullNow } from '../../helpers/pubsub.ts';

const MESSAGES = 200_000;
const MAX_MEMORY_MB = 300;

test('a backlog of 200,000 messages waits on the disk and not in memory', async t => {
  const config = await configHere(t);
  const clients = await clientsHere(t, config);
  const pid = readAnnouncement(pubsubDirectory(config))?.pid;
  const memoryMb = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)])) / 1024;
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 60 });
  const data = Buffer.alloc(200, 'x');
  const request = Array.from({ length: 1000 }, () => ({ data }));
  let most = 0;
  for (let i = 0; i < MESSAGES / 1000; i++) {
    await publish(clients, topic, request);
    if (i % 20 === 0) most = Math.max(most, memoryMb());
  }
  const ids = new Set<string>();
  while (ids.size < MESSAGES) {
    const received = await pullNow(clients, subscription);
    assert.ok(received.length > 0, `${ids.size} came`);
    for (const { message } of received) ids.add(message?.messageId ?? '');
    await acknowledge(clients, subscription, received);
    if (ids.size % 20_000 === 0) most = Math.max(most, memoryMb());
  }
  assert.ok(most < MAX_MEMORY_MB, `${most.toFixed()} MB`);
  t.diagnostic(`at most ${most.toFixed()} MB`);
});
