import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  activeStates,
  isEnded,
  type JobState,
  jobStates,
  nextState,
  type Wish,
} from '../../src/store/states.ts';

/** By state: what becomes of it (`to > what it comes to`) where nobody has asked for anything; all else is refused. */
const TABLE: Record<JobState, string> = {
  QUEUED: 'PENDING CANCELLING CANCELLED FAILED',
  PENDING: 'RUNNING DRAINING CANCELLING CANCELLED FAILED',
  RUNNING: 'DRAINING CANCELLING DONE FAILED CANCELLED DRAINED UPDATED',
  DRAINING: 'CANCELLING DONE>DRAINED DRAINED FAILED CANCELLED',
  CANCELLING: 'CANCELLED FAILED DONE>CANCELLED DRAINED>CANCELLED UPDATED>CANCELLED',
  DONE: '',
  FAILED: '',
  CANCELLED: '',
  DRAINED: '',
  UPDATED: '',
};
const WHEN_CANCELLED: Record<JobState, string> = {
  QUEUED: 'CANCELLING CANCELLED FAILED DONE>CANCELLED DRAINED>CANCELLED UPDATED>CANCELLED',
  PENDING: 'CANCELLING CANCELLED FAILED DONE>CANCELLED DRAINED>CANCELLED UPDATED>CANCELLED',
  RUNNING: 'CANCELLING CANCELLED FAILED DONE>CANCELLED DRAINED>CANCELLED UPDATED>CANCELLED',
  DRAINING: 'CANCELLING CANCELLED FAILED DONE>CANCELLED DRAINED>CANCELLED UPDATED>CANCELLED',
  CANCELLING: TABLE.CANCELLING,
  DONE: '',
  FAILED: '',
  CANCELLED: '',
  DRAINED: '',
  UPDATED: '',
};

/** What a line of the table says of a pair. */
function expected(line: string, to: JobState): JobState | undefined {
  for (const entry of line.split(' ')) {
    const [told, becomes = told] = entry.split('>');
    if (told === to) return becomes as JobState;
  }
  return undefined;
}

const WISHES: (Wish | undefined)[] = [undefined, 'DRAINED', 'UPDATED', 'CANCELLED'];

test('every pair of states, under every wish, is as the table says', () => {
  for (const wish of WISHES)
    for (const from of jobStates)
      for (const to of jobStates) {
        const line = (wish === 'CANCELLED' ? WHEN_CANCELLED : TABLE)[from];
        assert.equal(nextState(from, to, wish), expected(line, to), `${from} -> ${to}, wish ${wish}`);
      }
});

test('the ends are five, and nothing leads out of them', () => {
  assert.deepEqual(jobStates.filter(isEnded), ['DONE', 'FAILED', 'CANCELLED', 'DRAINED', 'UPDATED']);
  assert.deepEqual(activeStates, ['QUEUED', 'PENDING', 'RUNNING', 'DRAINING', 'CANCELLING']);
});

/** How far on its way a job is; no event may make that less. */
const RANK: Record<JobState, number> = {
  QUEUED: 0,
  PENDING: 1,
  RUNNING: 2,
  DRAINING: 3,
  CANCELLING: 4,
  DONE: 5,
  FAILED: 5,
  CANCELLED: 5,
  DRAINED: 5,
  UPDATED: 5,
};

test('in every order of five events and wishes a job never goes back, and a cancel is never overtaken', () => {
  type Step = { to: JobState } | { wish: Wish };
  const steps: Step[] = [
    ...jobStates.map(to => ({ to })),
    ...(['CANCELLED', 'DRAINED', 'UPDATED'] as const).map(wish => ({ wish })),
  ];
  const ends = new Set<JobState>();
  let sequences = 0;
  const walk = (state: JobState, wish: Wish | undefined, left: number): void => {
    sequences++;
    if (isEnded(state)) ends.add(state);
    if (left === 0) return;
    for (const step of steps) {
      if ('wish' in step) {
        // As the store notes it: a cancel stays.
        walk(state, wish === 'CANCELLED' ? wish : step.wish, left - 1);
        continue;
      }
      const next = nextState(state, step.to, wish);
      if (next === undefined) {
        walk(state, wish, left - 1);
        continue;
      }
      if (RANK[next] <= RANK[state]) assert.fail(`${state} went back to ${next}`);
      if ((wish === 'CANCELLED' || state === 'CANCELLING') && !/^(CANCELL|FAILED)/.test(next))
        assert.fail(`${step.to} overtook a cancel: ${state} became ${next}`);
      walk(next, wish, left - 1);
    }
  };
  walk('QUEUED', undefined, 5);
  assert.equal(sequences, 1 + 13 + 13 ** 2 + 13 ** 3 + 13 ** 4 + 13 ** 5);
  assert.deepEqual([...ends].sort(), ['CANCELLED', 'DONE', 'DRAINED', 'FAILED', 'UPDATED']);
});
