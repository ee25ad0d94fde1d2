/**
 * The HTTP Event Collector as Splunk documents it, in so far as a client sees it: tokens, events one after the other,
 * which of them is invalid, channels and acknowledgment. There is no Splunk to be had: this stands in for it. What is
 * taken is in a file before it is answered, a line an event.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';

const [port = '0', file = '', mode = ''] = process.argv.slice(2);
const TOKEN = 'Splunk 11111111-2222-3333-4444-555555555555';
/** With `ack`, events are indexed only when they have been asked for twice. */
const asked = new Map<number, number>();
let requests = 0;

createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', piece => pieces.push(piece));
  request.on('end', () => {
    const [status, body] = answer(request, Buffer.concat(pieces));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
}).listen(Number(port), '127.0.0.1', () => process.stdout.write('collector is ready\n'));

function answer({ url, headers }: IncomingMessage, sent: Buffer): [status: number, body: object] {
  if (headers.authorization === undefined) return [401, { text: 'Token is required', code: 2 }];
  if (headers.authorization !== TOKEN) return [403, { text: 'Invalid token', code: 4 }];
  const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  if (url === '/services/collector/ack') return [200, { acks: acksOf(body) }];
  if (url !== '/services/collector/event')
    return [404, { text: 'The requested URL was not found', code: 404 }];
  if (body.length === 0) return [400, { text: 'No data', code: 5 }];
  if (mode === 'busy' && ++requests % 3 === 0) return [503, { text: 'Server is busy', code: 9 }];
  const events = eventsIn(body.toString());
  for (const [i, event] of events.entries()) {
    const fault = faultOf(event);
    if (fault) return [400, { ...fault, 'invalid-event-number': i }];
  }
  appendFileSync(file, events.map(event => `${JSON.stringify(event)}\n`).join(''));
  if (mode !== 'ack') return [200, { text: 'Success', code: 0 }];
  asked.set(++requests, 0);
  return [200, { text: 'Success', code: 0, ackId: requests }];
}

function acksOf(body: Buffer): Record<string, boolean> {
  const { acks } = JSON.parse(body.toString()) as { acks: number[] };
  return Object.fromEntries(
    acks.map(id => {
      const times = (asked.get(id) ?? 0) + 1;
      asked.set(id, times);
      return [id, times > 1];
    }),
  );
}

/** Events follow one another without anything between them. */
function eventsIn(text: string): unknown[] {
  const events: unknown[] = [];
  let depth = 0;
  let from = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (isText && letter === '\\') at++;
    else if (letter === '"') isText = !isText;
    else if (!isText && letter === '{' && depth++ === 0) from = at;
    else if (!isText && letter === '}' && --depth === 0) events.push(JSON.parse(text.slice(from, at + 1)));
  }
  return events;
}

function faultOf(event: unknown): { text: string; code: number } | undefined {
  const { event: content, fields, index } = event as { event?: unknown; fields?: unknown; index?: unknown };
  if (content === undefined) return { text: 'Event field is required', code: 12 };
  if (content === '') return { text: 'Event field cannot be blank', code: 13 };
  if (index === 'forbidden') return { text: 'Incorrect index', code: 7 };
  if (
    typeof fields === 'object' &&
    fields !== null &&
    Object.values(fields).some(each => typeof each === 'object' && !Array.isArray(each))
  )
    return { text: 'Error in handling indexed fields', code: 15 };
  return undefined;
}
