// What is compared with: the plainest loops over the clients there are, in a process of their own.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Consumer, Producer } from '@platformatic/kafka';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

const [work, client, address, topic, countText, output, udf] = process.argv.slice(2);
const count = Number(countText);
const NEWLINE = Buffer.from('\n');
const transform = payload => {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
};

if (work === 'write') await write();
else await read();
process.exit(0);

async function write() {
  const value = Buffer.alloc(1000, 'x');
  const request = first =>
    Array.from({ length: 1000 }, (_, i) => ({ topic, key: Buffer.from(String(first + i)), value }));
  if (client === 'kafkajs') {
    const producer = kafkajs().producer({
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    for (let i = 0; i < count; i += 1000) await producer.send({ topic, messages: request(i) });
  } else {
    const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [address], idempotent: true });
    for (let i = 0; i < count; i += 1000) await producer.send({ messages: request(i), acks: -1 });
  }
}

/** Values to lines of a file, or nowhere. */
async function read() {
  const file = output ? createWriteStream(output, { highWaterMark: 1 << 22 }) : undefined;
  let seen = 0;
  const take = async values => {
    seen += values.length;
    if (!file) return;
    let isRoom = true;
    if (udf) isRoom = file.write(values.map(value => `${transform(value.toString())}\n`).join(''));
    else isRoom = file.write(Buffer.concat(values.flatMap(value => [value, NEWLINE])));
    if (!isRoom) await once(file, 'drain');
  };
  if (client === 'kafkajs') await readKafkajs(take, () => seen >= count);
  else await readPlatformatic(take, () => seen >= count);
  if (file) await new Promise(resolve => file.end(resolve));
}

async function readKafkajs(take, isOver) {
  const consumer = kafkajs().consumer({ groupId: `bench-${process.pid}`, maxBytesPerPartition: 1 << 20 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const over = Promise.withResolvers();
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      await take(batch.messages.map(({ value }) => value));
      if (isOver()) over.resolve();
    },
  });
  await over.promise;
}

async function readPlatformatic(take, isOver) {
  const consumer = new Consumer({
    clientId: 'bench',
    groupId: `bench-${process.pid}`,
    bootstrapBrokers: [address],
    maxBytes: 8 << 20,
    highWaterMark: 10_000,
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'earliest',
    autocommit: false,
    maxWaitTime: 500,
  });
  let values = [];
  for await (const { value } of stream) {
    values.push(value);
    // As many as a multiple of what there is.
    if (values.length < 1000) continue;
    await take(values);
    values = [];
    if (isOver()) return;
  }
}

function kafkajs() {
  return new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
}
