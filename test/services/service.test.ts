import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { missing } from './index.ts';
import { kafkaUser, startKafka } from './kafka.ts';
import { freePort, startProcess } from './service.ts';

const PROGRAM = `
  const server = require('node:http').createServer((request, response) => response.end(String(process.pid)));
  server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log('ready'));`;

test('a server that is killed is gone, and comes back on its port as another process', async t => {
  const port = await freePort();
  const args = ['-e', PROGRAM, String(port)];
  const command = process.execPath;
  const service = await startProcess(t, {
    name: 'x',
    port,
    command,
    args,
    ready: log => log.includes('ready'),
  });
  const ask = () => fetch(`http://${service.address}`).then(answer => answer.text());
  const first = await ask();
  await service.kill();
  await assert.rejects(ask());
  await service.restart();
  assert.notEqual(await ask(), first);
  assert.match(service.logs(), /^ready/);
});

test('a server that does not start is told with what it said', async t => {
  const launch = { name: 'the server', port: 1, command: process.execPath, ready: () => false };
  const args = ['-e', "console.error('no room'); process.exit(3)"];
  await assert.rejects(startProcess(t, { ...launch, args }), /the server did not start \(3\):\nno room/);
});

test('Kafka asks clients of its secured listeners who they are', { skip: missing('kafka') }, async t => {
  const server = await startKafka(t, { secured: true });
  const connect = async (broker: string, ssl: boolean, mechanism?: 'plain' | 'scram-sha-256', more = {}) => {
    const user = { ...kafkaUser, ...more };
    const admin = new Kafka({
      brokers: [broker],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      ssl: ssl && { ca: [server.ca] },
      ...(mechanism && { sasl: { mechanism, ...user } as never }),
    }).admin();
    try {
      await admin.connect();
      return await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  };
  await connect(server.saslPlaintext, false, 'plain');
  await connect(server.saslSsl, true, 'scram-sha-256');
  await connect(server.ssl, true);
  await assert.rejects(connect(server.saslPlaintext, false, 'plain', { password: 'wrong' }), /uthentication/);
});
