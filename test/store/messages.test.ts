import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MAX_MESSAGES, type NewMessage } from '../../src/store/messages.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function storeIn(t: TestContext) {
  const store = openStore({ home: await temporaryFolder(t) });
  t.after(() => store.close());
  return store;
}

const message = (time: number, changed: Partial<NewMessage> = {}): NewMessage => ({
  jobId: 'a',
  time,
  severity: 'INFO',
  text: `at ${time}`,
  ...changed,
});

test('messages are listed by job, oldest first, page by page', async t => {
  const { messages } = await storeIn(t);
  // Two at each moment, told in reverse.
  messages.add(Array.from({ length: 50 }, (_, i) => message(25 - Math.floor(i / 2), { stage: 'Read' })));
  messages.add([message(1, { jobId: 'b' })]);
  const times: number[] = [];
  let token: string | undefined;
  do {
    const page = messages.list('a', {}, 7, token);
    times.push(...page.items.map(({ time }) => time));
    assert.ok(page.items.every(({ jobId, stage }) => jobId === 'a' && stage === 'Read'));
    token = 'nextPageToken' in page ? page.nextPageToken : undefined;
  } while (token);
  assert.deepEqual(
    times,
    Array.from({ length: 50 }, (_, i) => 1 + Math.floor(i / 2)),
  );
  assert.throws(() => messages.list('a', {}, 7, 'x'), { code: 'REQUEST_INVALID' });
  const huge = Buffer.from(`${'9'.repeat(400)}:1`).toString('base64url');
  assert.throws(() => messages.list('a', {}, 7, huge), { code: 'REQUEST_INVALID' });
});

test('a filter leaves severities and times out: from inclusive, to exclusive', async t => {
  const { messages } = await storeIn(t);
  const severities = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const;
  const added = messages.add(severities.map((severity, i) => message(i, { severity })));
  const told = (filter: object) => messages.list('a', filter, 10).items.map(({ severity }) => severity);
  assert.deepEqual(told({}), severities);
  assert.deepEqual(told({ severities: ['ERROR', 'INFO'] }), ['INFO', 'ERROR']);
  assert.deepEqual(told({ severities: [] }), []);
  assert.deepEqual(told({ from: 1, to: 3 }), ['INFO', 'WARNING']);
  assert.deepEqual(told({ afterId: added[1]?.id }), ['WARNING', 'ERROR']);
});

test('what is read again from the same place is added once', async t => {
  const { messages } = await storeIn(t);
  const first = messages.add([message(1, { origin: '0:10' }), message(2, { origin: '0:20' })]);
  const again = messages.add([message(2, { origin: '0:20' }), message(3, { origin: '0:30' })]);
  assert.deepEqual(
    [first, again].map(added => added.map(({ text }) => text)),
    [['at 1', 'at 2'], ['at 3']],
  );
  assert.equal(messages.add([message(2, { jobId: 'b', origin: '0:20' })]).length, 1);
  assert.equal(messages.list('a', {}, 10).items.length, 3);
});

test('of a job that talks too much the last messages are kept, and of a long one its beginning', async t => {
  const { messages } = await storeIn(t);
  messages.add([message(0, { jobId: 'quiet' })]);
  for (let round = 0; round < 12; round++)
    messages.add(Array.from({ length: 1000 }, (_, i) => message(round * 1000 + i)));
  const { items } = messages.list('a', {}, 20_000);
  assert.equal(items.length, MAX_MESSAGES);
  assert.equal(items[0]?.time, 12_000 - MAX_MESSAGES);
  assert.equal(items.at(-1)?.time, 11_999);
  assert.equal(messages.list('quiet', {}, 10).items.length, 1);
  const [long] = messages.add([message(1, { jobId: 'quiet', text: 'x'.repeat(1 << 20) })]);
  assert.equal(long?.text.length, 16_384);
  assert.equal(messages.list('quiet', {}, 10).items.at(-1)?.text.length, 16_384);
});

test('ids of messages that were removed are not used again', async t => {
  const { messages } = await storeIn(t);
  const [last] = messages.add([message(1)]);
  messages.remove('a');
  assert.deepEqual(messages.list('a', {}, 10).items, []);
  const [next] = messages.add([message(2)]);
  assert.ok((next?.id ?? 0) > (last?.id ?? 0));
});

test('of the progress of a job only the last is kept', async t => {
  const { progress } = await storeIn(t);
  assert.equal(progress.get('a'), undefined);
  progress.save('a', { counters: {}, time: 1, watermark: 5 });
  progress.save('a', { counters: {}, time: 2 });
  assert.deepEqual(progress.get('a'), { counters: {}, time: 2 });
  progress.remove('a');
  assert.equal(progress.get('a'), undefined);
});
