import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { LetterPlace } from '../../src/dlq/places.ts';
import { describePlace, isReadable, readLetters } from '../../src/dlq/read.ts';
import { spoolOf } from '../../src/dlq/topic.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const place = (path: string, more: object = {}): LetterPlace => ({
  stage: 'DeadLetters/WriteToJson',
  sink: 'WriteToJson',
  config: { path, file_name_suffix: '.json', ...more },
});
const letter = (id: string) =>
  JSON.stringify({ id, job: 'j', transform: 't', code: 'C', message: '', time: '', payload: '' });

async function files(folder: string, names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), `${letter(name)}\n`);
  }
}

test('the published files of a prefix are read, each once, and nothing else', async t => {
  const home = await temporaryFolder(t);
  await files(home, ['out/error-1.json', 'out/error-2.json', 'out/error-3.txt', 'out/other.json']);
  await files(home, ['out/.sluice-j-0/error-4.json', 'out/deeper/error-5.json']);
  const places = [place(join(home, 'out/error-')), place(join(home, 'out/err'))];
  const found = await Array.fromAsync(readLetters(places, { home }));
  assert.deepEqual(
    found.map(each => 'letter' in each && each.letter.id),
    ['out/error-1.json', 'out/error-2.json'],
  );
  assert.equal(found[0]?.at, `${join(home, 'out/error-1.json')}:0`);
});

test('where dates make the folders, those are looked into; also in a bucket of this machine', async t => {
  const home = await temporaryFolder(t);
  await files(join(home, 'cloud/gs/bucket'), [
    'e/2026/01/error-a.json',
    'e/2027/02/error-b.json',
    'f/error-c.json',
  ]);
  const found = await Array.fromAsync(readLetters([place('gs://bucket/e/YYYY/MM/error-')], { home }));
  assert.deepEqual(
    found.map(({ at }) => at),
    ['gs://bucket/e/2026/01/error-a.json:0', 'gs://bucket/e/2027/02/error-b.json:0'],
  );
});

test('a folder that is not there holds no letters', async t => {
  const home = await temporaryFolder(t);
  assert.deepEqual(await Array.fromAsync(readLetters([place(join(home, 'none/error-'))], { home })), []);
});

test('letters collected from a topic are read from their file', async t => {
  const home = await temporaryFolder(t);
  const topic = { stage: 'W', sink: 'WriteToPubSub', config: { topic: 'errors' } };
  const path = spoolOf('projects/local/topics/errors', { home });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${letter('a')}\nnone\n`);
  const found = await Array.fromAsync(readLetters([topic], { home }));
  assert.deepEqual(
    found.map(each => ('letter' in each ? each.letter.id : each.fault)),
    ['a', 'it is not JSON'],
  );
  assert.equal(describePlace(topic), 'projects/local/topics/errors');
});

test('rows of an error table are no letters', () => {
  const table = {
    stage: 'W',
    sink: 'WriteToBigQuery',
    config: { table: 'd.t_error_records' },
    rowsOnly: true,
  };
  assert.equal(isReadable(table), false);
  assert.equal(isReadable({ ...place('x'), rowsOnly: true }), false);
  assert.equal(describePlace(table), 'the table d.t_error_records');
});
