import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { selectToFile } from '../../../src/cloud/warehouse/select.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { BATCH_ROWS } from './appender.ts';

const KILLS = 12;
const appender = join(import.meta.dirname, 'appender.ts');

/** Lets a writer go on from the batch after the last that it told of, and kills it after some time; gives the last one. */
async function writeUntilKilled(home: string, worker: number, last: number, ms: number): Promise<number> {
  const child = spawn(process.execPath, [appender, home, String(worker), String(last + 1)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', text => (told += text));
  await once(child.stdout, 'data');
  await sleep(ms);
  child.kill('SIGKILL');
  await once(child, 'close');
  return Number(told.trim().split('\n').at(-1) ?? last);
}

async function rowsOf(home: string, query: string): Promise<Record<string, number>[]> {
  const path = join(home, `result-${Math.random()}`);
  await selectToFile(query, path, { home });
  return (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
}

test(`two writers killed ${KILLS} times, at any instruction, while others read, have each row there once`, async t => {
  const home = await temporaryFolder(t);
  let seed = 7;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const last = [0, 0];
  for (let i = 0; i < KILLS / 2; i++) {
    await Promise.all(
      [0, 1].map(async worker => {
        last[worker] = await writeUntilKilled(home, worker, last[worker] ?? 0, random() * 150);
      }),
    );
    const [found] = await rowsOf(home, 'SELECT count(*) AS n, count(DISTINCT (worker, id)) AS d FROM d.t');
    assert.equal(found?.n, found?.d);
  }
  const workers = await rowsOf(
    home,
    'SELECT worker, count(*) AS n, min(id) AS first, max(id) AS last FROM d.t GROUP BY 1 ORDER BY 1',
  );
  for (const { worker = 0, n = 0, first, last: highest } of workers) {
    // A batch that was committed and not told of was repeated, and added nothing.
    assert.ok(n >= (last[worker] ?? 0) * BATCH_ROWS);
    assert.deepEqual([first, highest], [BATCH_ROWS, n + BATCH_ROWS - 1]);
  }
  assert.equal(workers.length, 2);
});
