import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { missing } from './index.ts';
import { kafkaUser, startKafka } from './kafka.ts';
import { startOpenSearch } from './opensearch.ts';
import { startPostgres } from './postgres.ts';

test('Kafka has its records after it was killed', { skip: missing('kafka') }, async t => {
  const server = await startKafka(t);
  const client = new Kafka({ brokers: [server.address], logLevel: logLevel.NOTHING });
  const producer = client.producer();
  await producer.connect();
  await producer.send({ topic: 'kept', messages: [{ value: 'a' }, { value: 'b' }] });
  await producer.disconnect();
  await server.kill();
  await server.restart();
  const admin = client.admin();
  t.after(() => admin.disconnect());
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets('kept');
  assert.equal(partition?.offset, '2');
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
  await connect(server.saslPlaintext, false, 'scram-sha-256');
  await connect(server.saslSsl, true, 'scram-sha-256');
  await connect(server.ssl, true);
  await assert.rejects(connect(server.saslPlaintext, false, 'plain', { password: 'wrong' }), /uthentication/);
});

test('Postgres has its rows after it was killed', { skip: missing('postgres') }, async t => {
  const server = await startPostgres(t, { tls: true });
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: server.url, ssl: { ca: server.ca } });
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows;
  };
  await query('create table kept as select 1 as one');
  await server.kill();
  await server.restart();
  assert.deepEqual(await query('select one from kept'), [{ one: 1 }]);
  const wrong = new pg.Client({ connectionString: server.url.replace('-secret', '-wrong') });
  await assert.rejects(wrong.connect(), /password authentication failed/);
});

test('OpenSearch has its documents after it was killed', { skip: missing('opensearch') }, async t => {
  const server = await startOpenSearch(t);
  const document = `${server.url}/kept/_doc/1`;
  const body = JSON.stringify({ one: 1 });
  const put = await fetch(document, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  assert.equal(put.status, 201);
  await server.kill();
  await server.restart();
  assert.equal((await fetch(document)).status, 200);
});
