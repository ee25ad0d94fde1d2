import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { countLetters, missingLetters, tallied } from '../../src/dlq/missing.ts';
import type { LetterPlace } from '../../src/dlq/places.ts';
import type { FoundLetter } from '../../src/dlq/read.ts';
import { saveCheckpoint } from '../../src/engine/checkpoint.ts';
import { emptyCounters } from '../../src/engine/counters.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const file: LetterPlace = { stage: 'Errors', sink: 'WriteToJson', config: { path: 'out/errors' } };
const topic: LetterPlace = {
  stage: 'Errors',
  sink: 'WriteToPubSub',
  config: { topic: 'projects/p/topics/errors' },
};

async function* letters(...jobs: string[]): AsyncGenerator<FoundLetter> {
  for (const job of jobs) {
    const letter = { id: 'a', job, transform: 'T', code: 'C', message: '', attempts: 1, time: '2026-01-01' };
    yield { at: 'f:0', letter };
  }
  yield { at: 'f:9', fault: 'it is not JSON' };
}

test('a job has counted what all of its workers wrote to its places', async t => {
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const counters = (out: number) => ({
    Errors: { ...emptyCounters(), out },
    Write: { ...emptyCounters(), out: 9 },
  });
  for (const [name, out] of [
    ['0', 2],
    ['1', 3],
  ] as const)
    await saveCheckpoint(join(config.home, 'jobs', 'J', 'workers', name), {
      stages: {},
      counters: counters(out),
    });
  assert.deepEqual(await countLetters(config, 'J', [file]), { job: 'J', counted: 5, places: [file] });
  assert.deepEqual(await countLetters(config, 'never started', [file]), {
    job: 'never started',
    counted: 0,
    places: [file],
  });
});

test('every line counts as the job counted it, and reading again begins anew', async () => {
  const tally = new Map<string, number>();
  for (let times = 0; times < 2; times++) for await (const _ of tallied(letters('J', 'J', 'R'), tally));
  assert.deepEqual(
    [...tally],
    [
      ['J', 2],
      ['R', 1],
    ],
  );
});

test('only jobs of which fewer are found are told, with what may have become of the letters', () => {
  const counted = (job: string, place: LetterPlace) => ({ job, counted: 3, places: [place, place] });
  const all = [counted('J', file), counted('R', topic), counted('S', file)];
  assert.deepEqual(
    missingLetters(
      all,
      new Map([
        ['R', 2],
        ['S', 4],
      ]),
    ),
    [
      {
        job: 'J',
        counted: 3,
        found: 0,
        places: ['out/errors*'],
        why: 'the files were moved, removed or replaced',
      },
      {
        job: 'R',
        counted: 3,
        found: 2,
        places: ['projects/p/topics/errors'],
        why: 'the messages have expired, or another subscription has them',
      },
    ],
  );
});
