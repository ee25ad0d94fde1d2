// The plainest bulk loop: lines of a file, or values of a topic, into an index; nothing checked or kept.
import { createReadStream } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';

const [source, from, place, count, url, index, ids, udf] = process.argv.slice(2);
const DOCUMENTS = 1000;
const REQUESTS = 4;
let seen = 0;
const action = () => (ids === 'ids' ? `{"create":{"_id":"${index}-${seen++}"}}\n` : '{"index":{}}\n');

const transform = payload => {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
};

const agent = new Agent({ keepAlive: true, maxSockets: REQUESTS });
const underWay = new Set();
let waiting = [];

if (source === 'file')
  for await (const line of createInterface({ input: createReadStream(from) })) await take(line);
else await readTopic();
await send();
await Promise.all(underWay);
agent.destroy();

async function take(text) {
  const document = udf ? transform(text) : text;
  waiting.push(action(), document, '\n');
  if (waiting.length === 3 * DOCUMENTS) await send();
}

async function send() {
  if (waiting.length === 0) return;
  const body = Buffer.from(waiting.join(''));
  waiting = [];
  while (underWay.size >= REQUESTS) await Promise.race(underWay);
  const sent = post(body).finally(() => underWay.delete(sent));
  underWay.add(sent);
}

function post(body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
    const asked = request(`${url}/${index}/_bulk`, { method: 'POST', agent, headers }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', piece => (text += piece));
      response.on('end', () => {
        // A small node has too much to do now and then.
        if (response.statusCode === 429) resolve(post(body));
        else if (JSON.parse(text).errors === false) resolve();
        else reject(new Error(text.slice(0, 500)));
      });
    });
    asked.once('error', reject).end(body);
  });
}

async function readTopic() {
  const { Kafka, logLevel } = (await import('kafkajs')).default;
  const consumer = new Kafka({ brokers: [from], logLevel: logLevel.NOTHING }).consumer({
    groupId: `plain-${Date.now()}`,
  });
  let left = Number(count);
  await consumer.connect();
  await consumer.subscribe({ topic: place, fromBeginning: true });
  await new Promise((resolve, reject) => {
    consumer
      .run({
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) await take(value.toString());
          left -= batch.messages.length;
          if (left <= 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
}
