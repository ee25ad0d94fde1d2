import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lettersFile, readFromDeadLetters } from '../../src/dlq/replay-source.ts';
import { type Batch, positionOf, selectElements } from '../../src/engine/batch.ts';
import type { Json, SourceComponent } from '../../src/engine/component.ts';
import { deadLetterOf } from '../../src/engine/dead-letter.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const letter = (id: string, more: object = {}) => ({
  id,
  job: 'before',
  transform: 'Udf',
  code: 'C',
  message: 'm',
  attempts: 3,
  time: '2026-01-03T00:00:00.000Z',
  payload: `payload ${id}`,
  ...more,
});

async function open(t: TestContext, letters: object[], restored?: Json) {
  const home = await temporaryFolder(t);
  const path = lettersFile({ home }, 'job', 'Read');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, letters.map(each => `${JSON.stringify(each)}\n`).join(''));
  const context = contextOf(home, { stage: 'Read', jobId: 'job', config: { home }, restored });
  const source = await (readFromDeadLetters as SourceComponent).open({}, context);
  t.after(() => source.close(true));
  return source;
}

const signal = new AbortController().signal;

test('letters are the elements they were, with what the message carried and its event time', async t => {
  const source = await open(t, [
    letter('a', { attributes: { x: '1' }, messageId: '7', publishTime: '2026-01-02T00:00:00Z', key: 'k' }),
    letter('b', { eventTime: '2026-01-01T00:00:00Z' }),
    letter('c'),
  ]);
  const batch = (await source.read(signal)) as Batch;
  assert.deepEqual(textsOf(batch), ['payload a', 'payload b', 'payload c']);
  assert.deepEqual(batch.metadata, [
    { messageId: '7', publishTime: '2026-01-02T00:00:00Z', attributes: { x: '1' }, key: 'k' },
    {},
    {},
  ]);
  const days = [...(batch.times ?? [])].map(time => new Date(time).getUTCDate());
  assert.deepEqual(days, [2, 1, 3]);
  assert.equal(await source.read(signal), 'end');
});

test('elements without event time get none', async t => {
  const source = await open(t, [letter('a')]);
  assert.equal(((await source.read(signal)) as Batch).times, undefined);
});

test('what fails again is the same letter with one attempt more, whatever became of it in between', async t => {
  const source = await open(t, [letter('a'), letter('b', { position: 'f:5' })]);
  const batch = (await source.read(signal)) as Batch;
  const failure = { code: 'D', message: 'again', transform: 'Write' };
  const failed = selectElements(selectElements(batch, [1, 0]), [0], [failure]);
  assert.equal(positionOf(failed, 0), 'f:5');
  assert.partialDeepStrictEqual(deadLetterOf(failed, 0, { jobId: 'job' }), {
    id: 'b',
    job: 'job',
    attempts: 4,
    payload: 'payload b',
    position: 'f:5',
    transform: 'Write',
  });
});

test('it goes on from its position, and ends where there are no letters', async t => {
  const first = letter('a');
  const source = await open(t, [first, letter('b')], { offset: JSON.stringify(first).length + 1 });
  assert.deepEqual(textsOf((await source.read(signal)) as Batch), ['payload b']);
  const empty = await open(t, []);
  assert.equal(await empty.read(signal), 'end');
  assert.deepEqual(empty.snapshot(), { offset: 0 });
});
