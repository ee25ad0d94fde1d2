import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { readEvents } from '../../src/jobs/supervisor/event-reader.ts';
import { type NotedEvent, openEventLog } from '../../src/worker/event-log.ts';
import { eventsFile, olderEventsFile } from '../../src/worker/places.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const message = (text: string): NotedEvent => ({
  type: 'message',
  severity: 'INFO',
  text,
  time: '2026-01-02T03:04:05.678Z',
});
const textOf = ({ event }: { event: NotedEvent }): string => ('text' in event ? event.text : event.type);

test('what a worker notes is read while it is written, each event once', async t => {
  const folder = await temporaryFolder(t);
  const reader = readEvents(folder, 'job');
  t.after(() => reader.close());
  assert.deepEqual(await reader.read(), []);
  const log = openEventLog(folder, 'job/0/a');
  log.append(message('one'));
  assert.deepEqual(await reader.read(), [{ at: 'job/0/a/0', event: message('one') }]);
  log.append(message('two'));
  log.append({ type: 'running' }, { durable: true });
  assert.deepEqual((await reader.read()).map(textOf), ['two', 'running']);
  assert.deepEqual(await reader.read(), []);
});

test('a long file is turned over: a reader that keeps up misses nothing, and the disk holds two', async t => {
  const folder = await temporaryFolder(t);
  const reader = readEvents(folder, 'job');
  t.after(() => reader.close());
  const log = openEventLog(folder, 'job/0/a', 10_000);
  const seen: string[] = [];
  for (let i = 0; i < 2000; i++) {
    log.append(message(`${i} ${'é'.repeat(50)}`));
    if (i % 30 === 29) seen.push(...(await reader.read()).map(textOf));
  }
  seen.push(...(await reader.read()).map(textOf));
  assert.deepEqual(
    seen.map(text => Number.parseInt(text, 10)),
    Array.from({ length: 2000 }, (_, i) => i),
  );
  const size = statSync(eventsFile(folder)).size + statSync(olderEventsFile(folder)).size;
  assert.ok(size < 21_000, `${size} bytes`);
  const late = readEvents(folder, 'job');
  t.after(() => late.close());
  const texts = (await late.read()).map(textOf);
  assert.deepEqual(texts, seen.slice(-texts.length));
  assert.ok(texts.length > 60);
});

test('a line that a crash tore spoils no other, and half a line waits for its rest', async t => {
  const folder = await temporaryFolder(t);
  openEventLog(folder, 'job/0/a').append(message('before'));
  appendFileSync(eventsFile(folder), '{"at":"job/0/a/1","event":{"ty');
  const reader = readEvents(folder, 'job');
  t.after(() => reader.close());
  assert.deepEqual((await reader.read()).map(textOf), ['before']);
  openEventLog(folder, 'job/0/b').append(message('after'));
  assert.deepEqual((await reader.read()).map(textOf), ['after']);
  assert.equal(readFileSync(eventsFile(folder), 'utf8').split('\n').length, 4);
});

test('the events of a job whose folder was taken over are not those of its successor', async t => {
  const folder = await temporaryFolder(t);
  openEventLog(folder, 'old/0/a').append({ type: 'running' });
  openEventLog(folder, 'new/0/b').append({ type: 'started' });
  const reader = readEvents(folder, 'new');
  t.after(() => reader.close());
  assert.deepEqual((await reader.read()).map(textOf), ['started']);
});
