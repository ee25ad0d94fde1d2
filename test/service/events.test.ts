import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JobEvent } from '../../src/jobs/supervisor.ts';
import { newRecord } from '../../src/launch/record.ts';
import { streamEvents } from '../../src/service/events.ts';
import type { Service } from '../../src/service/service.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A service of which only the store and what the supervisor tells are real. */
async function bench(t: TestContext) {
  const config = { home: await temporaryFolder(t) };
  const store = openStore(config);
  t.after(() => store.close());
  const listeners = new Set<(event: JobEvent) => void>();
  const supervisor = {
    subscribe(listener: (event: JobEvent) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const tell = (event: JobEvent) => {
    for (const listener of listeners) listener(event);
  };
  const job = { id: 'job-1', createTime: '', streaming: false, workers: 1, pipeline: {} };
  const record = newRecord({ job }, { launchedBy: 'test', owner: 'service' });
  store.jobs.insert(record);
  return { service: { config, store, supervisor } as unknown as Service, store, record, tell, listeners };
}

test('a client that does not read is cut off instead of being waited for with all it has missed', async t => {
  const { service, record, tell, listeners } = await bench(t);
  const { signal } = new AbortController();
  const stream = streamEvents(service, {}, signal);
  assert.deepEqual(await stream.next(), { done: false, value: 'retry: 1000\n\n' });
  for (let i = 0; i < 100_000; i++) tell({ type: 'state', job: { ...record, restarts: i } });
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  assert.equal(pieces.length, 1001);
  assert.match(String(pieces[0]), /"restarts":0\b/);
  assert.equal(listeners.size, 0);
});

test('of the progress of a job a slow client gets the latest', async t => {
  const { service, tell, listeners } = await bench(t);
  const client = new AbortController();
  const stream = streamEvents(service, { jobId: 'job-1' }, client.signal);
  await stream.next();
  for (let time = 1; time <= 5000; time++)
    tell({ type: 'progress', jobId: 'job-1', progress: { time, counters: {} } });
  tell({ type: 'progress', jobId: 'another', progress: { time: 1, counters: {} } });
  assert.match(String((await stream.next()).value), /^event: state\n/);
  assert.equal(
    (await stream.next()).value,
    'event: progress\ndata: {"jobId":"job-1","time":5000,"counters":{}}\n\n',
  );
  const waiting = stream.next();
  client.abort();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.equal(listeners.size, 0);
});

test('a message that is told while others are sent is not waited for', async t => {
  const { service, store, tell } = await bench(t);
  const { signal } = new AbortController();
  const stream = streamEvents(service, { jobId: 'job-1', lastEventId: '0' }, signal);
  await stream.next();
  await stream.next();
  const coming = stream.next();
  const started = Date.now();
  const [message] = store.messages.add([{ jobId: 'job-1', time: 1, severity: 'INFO', text: 'a\n\nb' }]);
  assert.ok(message);
  tell({ type: 'message', message });
  assert.equal(
    (await coming).value,
    `event: message\nid: ${message.id}\ndata: {"jobId":"job-1","time":1,"severity":"INFO","text":"a\\n\\nb","id":${message.id}}\n\n`.replace(
      /data: .*/,
      `data: ${JSON.stringify(store.messages.after(0, 1)[0])}`,
    ),
  );
  assert.ok(Date.now() - started < 900);
  await stream.return(undefined);
});
