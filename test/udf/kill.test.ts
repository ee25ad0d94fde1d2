/** Children die at any moment, and so may their parent. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { codesOf, fatesOf, openTestPool, udfChildren, until } from './harness.ts';

test('20,000 elements survive children that are killed at any moment', async t => {
  const source = 'function process(x) { let n = 0; for (let i = 0; i < 3000; i++) n += i; return x + "!"; }';
  const pool = await openTestPool(t, source, { slots: 2, timeoutMs: 1000 });
  const elements = Array.from({ length: 20_000 }, (_, i) => `element ${i}`);
  const fates: unknown[] = [];
  let kills = 0;
  let seen = 0;
  const killer = setInterval(() => {
    // Who is still loading on a busy machine is spared: the oldest has worked, if there was any work since the last.
    const oldest = Math.min(...udfChildren());
    if (fates.length === seen || !Number.isFinite(oldest)) return;
    seen = fates.length;
    process.kill(oldest, 'SIGKILL');
    kills++;
  }, 331);
  t.after(() => clearInterval(killer));
  while (fates.length < elements.length || kills < 5) {
    const at = fates.length % elements.length;
    const batches = [0, 1, 2, 3].map(i => elements.slice(at + i * 250, at + (i + 1) * 250));
    for (const batch of await Promise.all(batches.map(each => fatesOf(pool, each)))) fates.push(...batch);
  }
  assert.ok(kills >= 5);
  assert.deepEqual(
    fates,
    fates.map((_, i) => `element ${i % elements.length}!`),
  );
});

test('an element that its process does not survive, twice, fails alone', async t => {
  const source = 'function process(x) { if (x === "bad") for (;;); return x; }';
  const pool = await openTestPool(t, source, { timeoutMs: 60_000 });
  // A loop that never ends stands for what crashes a process: whoever is lost in it is killed.
  const killer = setInterval(() => {
    for (const pid of udfChildren()) if (processorMs(pid) > 500) process.kill(pid, 'SIGKILL');
  }, 50);
  t.after(() => clearInterval(killer));
  const fates = await fatesOf(pool, ['a', 'bad', 'b']);
  assert.deepEqual(codesOf(fates), ['a', 'UDF_KILLED', 'b']);
});

test('no child outlives a parent that is killed, not even one that is lost in a loop', async t => {
  const program = fileURLToPath(new URL('./orphan.ts', import.meta.url));
  const parent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => parent.kill('SIGKILL'));
  await once(parent.stdout, 'data');
  const children = udfChildren(parent.pid);
  assert.equal(children.length, 2);
  parent.kill('SIGKILL');
  await until(() => children.every(pid => !alive(pid)));
});

/** Time that a process has spent on the processor; a tick is 10 ms. */
function processorMs(pid: number): number {
  try {
    const [user, system] =
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13) ?? [];
    return 10 * (Number(user) + Number(system));
  } catch {
    return 0;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
