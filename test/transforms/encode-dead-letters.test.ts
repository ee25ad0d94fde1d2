import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { batchOf, selectElements } from '../../src/engine/batch.ts';
import type { Json } from '../../src/engine/component.ts';
import { type DeadLetter, keptLettersFile } from '../../src/engine/dead-letter.ts';
import { encodeDeadLetters } from '../../src/transforms/encode-dead-letters.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { openTransform } from './open.ts';

test('EncodeDeadLetters gives a row per failed element, with all that is known of it', async t => {
  const { process } = await openTransform(t, encodeDeadLetters, {}, { jobId: 'j1', templateId: 'T' });
  const message = { messageId: 'm1', publishTime: '2024-01-01T00:00:00Z', key: 'k', attributes: { a: 'b' } };
  const failures = [
    { code: 'UDF_THREW', message: 'boom', stack: 'at f (udf.js:1)', transform: 'Udf' },
    { code: 'UDF_INPUT_NOT_UTF8', message: 'not text', transform: 'Udf' },
  ];
  const batch = batchOf(['{"x":"é"}', Buffer.from([0xff, 0x00])], { metadata: [message, {}] });
  const { good, failed } = await process(selectElements(batch, [0, 1], failures));
  assert.equal(failed, undefined);
  const [first, second] = good.flatMap(textsOf).map(row => JSON.parse(row) as DeadLetter);
  assert.ok(first && second);
  const { id, time, ...rest } = first;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    job: 'j1',
    template: 'T',
    transform: 'Udf',
    code: 'UDF_THREW',
    message: 'boom',
    stack: 'at f (udf.js:1)',
    attempts: 1,
    payload: '{"x":"é"}',
    attributes: { a: 'b' },
    messageId: 'm1',
    publishTime: '2024-01-01T00:00:00Z',
    key: 'k',
    position: 'm1',
  });
  assert.equal(second.payloadBase64, '/wA=');
  assert.equal(second.payload, undefined);
  assert.notEqual(second.id, id);
});

test('EncodeDeadLetters gives an element the same id when its batch comes again', async t => {
  const failure = { code: 'X', message: '', transform: 'Udf' };
  const origin = { path: 'in.txt', offset: 100 };
  const idsOf = async (jobId: string, indices: number[]) => {
    const { process } = await openTransform(t, encodeDeadLetters, {}, { jobId });
    const batch = batchOf(['same', 'same'], { origin });
    const { good } = await process(
      selectElements(
        batch,
        indices,
        indices.map(() => failure),
      ),
    );
    return good.flatMap(textsOf).map(row => (JSON.parse(row) as DeadLetter).id);
  };
  const [first, second] = await idsOf('j1', [0, 1]);
  assert.notEqual(first, second);
  assert.deepEqual(await idsOf('j1', [1]), [second]);
  assert.notDeepEqual(await idsOf('j2', [1]), [second]);
});

test('with `format: bigquery` it gives the columns of the dead-letter tables', async t => {
  const { process } = await openTransform(t, encodeDeadLetters, { format: 'bigquery' });
  const failure = { code: 'UDF_THREW', message: 'boom', stack: 'at f (udf.js:1)', transform: 'Udf' };
  const given = batchOf(['{"x":1}', Buffer.from([0xff])], {
    times: Float64Array.of(0, 1000),
    metadata: [{ attributes: { a: 'b', c: 'd' } }, {}],
  });
  const { good } = await process(selectElements(given, [0, 1], [failure, { ...failure, stack: undefined }]));
  assert.deepEqual(
    good.flatMap(textsOf).map(row => JSON.parse(row)),
    [
      {
        timestamp: '1970-01-01T00:00:00.000Z',
        payloadString: '{"x":1}',
        payloadBytes: 'eyJ4IjoxfQ==',
        attributes: [
          { key: 'a', value: 'b' },
          { key: 'c', value: 'd' },
        ],
        errorMessage: 'boom [UDF_THREW]',
        stacktrace: 'at f (udf.js:1)',
      },
      {
        timestamp: '1970-01-01T00:00:01.000Z',
        payloadString: '\ufffd',
        payloadBytes: '/w==',
        attributes: [],
        errorMessage: 'boom [UDF_THREW]',
      },
    ],
  );
});

test('with `format: bigquery` the letters themselves are kept, cut back to what the checkpoint knows', async t => {
  const directory = await temporaryFolder(t);
  const failed = (text: string) =>
    selectElements(batchOf([text]), [0], [{ code: 'X', message: '', transform: 'Udf' }]);
  const open = (restored?: Json) =>
    openTransform(t, encodeDeadLetters, { format: 'bigquery' }, { jobDirectory: directory, restored });
  const kept = async () =>
    (await readFile(keptLettersFile(directory, 'Stage'), 'utf8'))
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line).payload);

  const first = await open();
  await first.process(failed('one'));
  const position = await first.snapshot?.();
  await first.process(failed('lost'));
  await first.snapshot?.();
  assert.deepEqual(await kept(), ['one', 'lost']);
  const second = await open(position);
  await second.process(failed('two'));
  await second.snapshot?.();
  assert.deepEqual(await kept(), ['one', 'two']);
  await (await open()).snapshot?.();
  await assert.rejects(kept(), { code: 'ENOENT' });
});
