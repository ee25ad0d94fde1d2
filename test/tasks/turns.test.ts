import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../src/tasks/turns.ts';

const never = new AbortController().signal;
/** Lets everything go on that can. */
const settle = () => new Promise(resolve => setImmediate(resolve));

test('so many run, so many wait in their order, and the rest is sent away at once', async () => {
  const take = turns({ running: 2, waiting: 2, waitMs: 60_000 });
  const began: string[] = [];
  const enter = async (name: string) => {
    const end = await take(never);
    began.push(name);
    return end;
  };
  const [endA, endB] = await Promise.all([enter('a'), enter('b')]);
  const waiting = [enter('c'), enter('d')];
  await assert.rejects(take(never), {
    code: 'TOO_MANY_REQUESTS',
    message: 'the server has too much to do: 2 tasks run and 2 wait',
  });
  await settle();
  assert.deepEqual(began, ['a', 'b']);
  endA?.();
  endA?.();
  await settle();
  assert.deepEqual(began, ['a', 'b', 'c']);
  endB?.();
  const ends = await Promise.all(waiting);
  for (const end of ends) end();
  assert.deepEqual(began, ['a', 'b', 'c', 'd']);
  (await enter('e'))();
});

test('who goes away, or waits for too long, leaves the queue to the others', async () => {
  const take = turns({ running: 1, waiting: 1, waitMs: 20 });
  const end = await take(never);
  const leaving = new AbortController();
  const left = take(leaving.signal);
  leaving.abort();
  await assert.rejects(left, { message: /nobody waits/ });
  await assert.rejects(take(never), { message: /no turn came within 0.02 s/ });
  await assert.rejects(take(leaving.signal), { message: /nobody waits/ });
  const next = take(never);
  end();
  (await next)();
});
