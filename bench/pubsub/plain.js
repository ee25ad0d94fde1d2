// The plainest loop over the official client: pull, append, acknowledge once it is written; several at once.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { v1 } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';

const [host, subscription, countText, output, udf] = process.argv.slice(2);
const count = Number(countText);
const PULLS = 4;
const MESSAGES = 1000;

const transform = payload => {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
};

const file = createWriteStream(output, { highWaterMark: 1 << 22 });
const [servicePath, port] = host.split(':');
const subscriber = new v1.SubscriberClient({
  servicePath,
  port: Number(port),
  sslCreds: credentials.createInsecure(),
  projectId: 'local',
});
let acknowledged = 0;
// The last calls wait for messages that do not come.
await Promise.race(Array.from({ length: PULLS }, pull));
file.end();
await once(file, 'finish');
process.exit(0);

async function pull() {
  while (acknowledged < count) {
    const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: MESSAGES });
    if (receivedMessages.length === 0) continue;
    await write(receivedMessages.map(({ message }) => message.data));
    await subscriber.acknowledge({ subscription, ackIds: receivedMessages.map(({ ackId }) => ackId) });
    acknowledged += receivedMessages.length;
  }
}

/** Resolves when the payloads are in the file. */
function write(payloads) {
  const lines = payloads.map(payload => {
    const text = payload.toString();
    return `${udf ? transform(text) : text}\n`;
  });
  return new Promise(resolve => file.write(lines.join(''), resolve));
}
