import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FoundLetter } from '../../src/dlq/read.ts';
import { selectLetters } from '../../src/dlq/select.ts';
import { surveyLetters } from '../../src/dlq/survey.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const letter = (id: string, attempts = 1, more: object = {}): FoundLetter => ({
  at: 'f:0',
  letter: {
    id,
    attempts,
    job: 'J',
    transform: 'Udf',
    source: 'Read',
    code: 'C',
    message: `${id}${attempts}`,
    time: `2026-01-${String(attempts).padStart(2, '0')}T00:00:00Z`,
    payload: id,
    ...more,
  },
});

/** What has been found: `a` failed again in a replay, `b` was replayed for good, `c` is there twice. */
const found: FoundLetter[] = [
  letter('a', 2, { job: 'R' }),
  letter('a'),
  letter('b'),
  letter('c'),
  letter('c'),
  letter('d', 10),
  letter('e', 1, { source: 'Combine' }),
  letter('f', 1, { source: undefined }),
  letter('g', 1, { job: 'other' }),
  letter('h', 1, { code: 'D', source: 'Other source/x' }),
  { at: 'f:9', fault: 'it is not JSON' },
];
const taken = new Set(['1:a', '1:b']);

async function* read(): AsyncGenerator<FoundLetter> {
  yield* found;
}

test('of each element the latest letter is chosen, once, unless it was taken, tried too often or has no source', async t => {
  const folder = await temporaryFolder(t);
  const chosen = await selectLetters(read, {
    jobs: new Set(['J', 'R']),
    taken,
    maxAttempts: 10,
    sources: new Set(['Read', 'Other source/x']),
    fileOf: source => join(folder, encodeURIComponent(source)),
  });
  assert.deepEqual(chosen, {
    unknown: [],
    chosen: 3,
    replayedBefore: 1,
    triedTooOften: 1,
    withoutSource: 2,
    faults: 1,
  });
  const idsIn = async (file: string) =>
    (await readFile(join(folder, file), 'utf8'))
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line));
  assert.partialDeepStrictEqual(await idsIn('Read'), [
    { id: 'a', attempts: 2 },
    { id: 'c', attempts: 1 },
  ]);
  assert.partialDeepStrictEqual(await idsIn('Other%20source%2Fx'), [{ id: 'h' }]);
});

const unknown: [name: string, asked: { code?: string; ids?: Set<string> }, said: string[]][] = [
  ['a code', { code: 'NOPE' }, ['of the code NOPE']],
  ['ids, one of them known', { ids: new Set(['a', 'y', 'z']) }, ['y', 'z']],
  ['an id of another job', { ids: new Set(['g']) }, ['g']],
  ['a known id of another code', { ids: new Set(['a']), code: 'D' }, ['a of the code D']],
];

test('codes and ids that no letter has are told, and nothing is chosen', async t => {
  const folder = await temporaryFolder(t);
  for (const [name, asked, said] of unknown) {
    const told = await selectLetters(read, {
      ...asked,
      jobs: new Set(['J', 'R']),
      taken,
      maxAttempts: 10,
      sources: new Set(['Read']),
      fileOf: source => join(folder, source),
    });
    assert.deepEqual([told.unknown, told.chosen], [said, 0], name);
  }
  assert.deepEqual(await readdir(folder), []);
});

test('a survey counts each element once, with its latest letter, and those that wait', async () => {
  const survey = await surveyLetters(read(), { jobs: new Set(['J', 'R']) }, taken);
  assert.deepEqual(survey, {
    groups: [
      { code: 'C', transform: 'Udf', count: 6, waiting: 5, message: 'a1', id: 'a' },
      { code: 'D', transform: 'Udf', count: 1, waiting: 1, message: 'h1', id: 'h' },
    ],
    count: 7,
    waiting: 6,
    faults: { count: 1, first: ['f:9: it is not JSON'] },
  });
});

test('an element that failed again for another reason is counted with that one alone', async () => {
  const changed = [letter('a'), letter('b'), letter('a', 2, { code: 'D' })];
  const survey = (code?: string) =>
    surveyLetters(
      (async function* () {
        yield* changed;
      })(),
      { jobs: new Set(['J']), code },
      new Set(['1:a', '1:b']),
    );
  const groups = [
    { code: 'C', transform: 'Udf', count: 1, waiting: 0, message: 'a1', id: 'a' },
    { code: 'D', transform: 'Udf', count: 1, waiting: 1, message: 'a2', id: 'a' },
  ];
  assert.partialDeepStrictEqual(await survey(), { groups, count: 2, waiting: 1 });
  assert.deepEqual((await survey('C')).groups, groups.slice(0, 1));
  assert.deepEqual((await survey('D')).groups, groups.slice(1));
});
