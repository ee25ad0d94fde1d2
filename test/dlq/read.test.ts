import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { jobDirectory } from '../../src/config.ts';
import { type LetterPlace, letterPlaces } from '../../src/dlq/places.ts';
import { describePlace, isReadable, readLetters } from '../../src/dlq/read.ts';
import { spoolOf } from '../../src/dlq/topic.ts';
import { saveCheckpoint } from '../../src/engine/checkpoint.ts';
import { keptLettersFile } from '../../src/engine/dead-letter.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { registry } from '../../src/registry.ts';
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

test('letters whose rows are in a table are those that the job keeps, as far as its checkpoints know of them', async t => {
  const config = { home: await temporaryFolder(t) };
  const text = `pipeline:
  type: chain
  transforms: [{type: Create, config: {elements: [a]}}, {type: JavaScriptUdf, config: {source: "function process() {}", error_handling: {output: bad}}}, {type: LogForTesting}]
  extra_transforms:
    - {type: chain, name: Bad, input: JavaScriptUdf.bad, transforms: [{type: EncodeDeadLetters, config: {format: bigquery}}, {type: WriteToBigQuery, config: {table: d.errors}}]}
`;
  const [kept, ...others] = letterPlaces(resolvePipeline(parseYaml(text, 'p'), registry), 'J');
  assert.ok(kept);
  assert.deepEqual([others, kept.stage, isReadable(kept)], [[], 'Bad/EncodeDeadLetters', true]);
  assert.equal(describePlace(kept), 'the folder of job J');
  for (const worker of ['0', '1', '2']) {
    const directory = join(jobDirectory(config, 'J'), 'workers', worker);
    const path = keptLettersFile(directory, kept.stage);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${letter(worker)}\n${letter('later')}\n`);
    const length = letter(worker).length + 1;
    if (worker !== '2')
      await saveCheckpoint(directory, { stages: { [kept.stage]: { length } }, counters: {} });
  }
  const found = await Array.fromAsync(readLetters([kept], config));
  assert.deepEqual(
    found.map(each => 'letter' in each && each.letter.id),
    ['0', '1'],
  );
});

test('letters that a job keeps are read from its folder only, whatever it has put there', async t => {
  const config = { home: await temporaryFolder(t) };
  const kept: LetterPlace = { stage: 'Letters', sink: 'EncodeDeadLetters', config: {}, keptBy: 'j' };
  const outside = join(config.home, 'outside');
  await files(outside, ['letters.ndjson']);
  const workers = join(jobDirectory(config, 'j'), 'workers');
  for (const index of ['0', '1', '2'])
    await saveCheckpoint(join(workers, index), { stages: { Letters: { length: 1000 } }, counters: {} });
  const fileOf = (index: string) => keptLettersFile(join(workers, index), 'Letters');
  await mkdir(join(workers, '0/stages'));
  await symlink(outside, dirname(fileOf('0')));
  await mkdir(dirname(fileOf('1')), { recursive: true });
  await symlink(join(outside, 'letters.ndjson'), fileOf('1'));
  await mkdir(dirname(fileOf('2')), { recursive: true });
  execFileSync('mkfifo', [fileOf('2')]);
  const found = await Array.fromAsync(readLetters([kept], config));
  assert.deepEqual(
    found.map(each => 'fault' in each && each.fault),
    [
      'the file cannot be read on: 0/stages/Letters is not a folder',
      'the file cannot be read on: stages/Letters/letters.ndjson is not a regular file',
      'the file cannot be read on: stages/Letters/letters.ndjson is not a regular file',
    ],
  );
});
