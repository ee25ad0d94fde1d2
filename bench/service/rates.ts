/** Requests a second, against a bare Express route that gives a document of the same size, in the same rounds. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { median } from '../measure.ts';
import { ask, JOBS, type Server } from './server.ts';

const ROUNDS = 5;
const ROUND_MS = 2000;
const CLIENTS = 16;

export async function measureRates({ url }: Server): Promise<void> {
  const { text } = await ask(`${url}${JOBS}?pageSize=1`);
  const { id } = JSON.parse(text).jobs[0];
  const document = (await ask(`${url}${JOBS}/${id}`)).text;
  const bare = fork(new URL('./bare.ts', import.meta.url), [document], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const [port] = await once(bare, 'message');
  const targets: Record<string, string> = {
    'bare Express route': `http://127.0.0.1:${port}/`,
    'get a job': `${url}${JOBS}/${id}`,
    'list 20 jobs': `${url}${JOBS}?pageSize=20`,
  };
  const rates: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, target] of Object.entries(targets)) {
      const rate = await rateOf(target);
      // The first round warms up.
      if (round > 0) rates[name] = [...(rates[name] ?? []), rate];
    }
  const base = median(rates['bare Express route'] ?? []);
  for (const [name, all] of Object.entries(rates))
    console.log(
      `${name.padEnd(20)} ${median(all).toFixed(0).padStart(12)} requests/s   ratio ${(median(all) / base).toFixed(2)}`,
    );
  await end(bare);
}

async function rateOf(url: string): Promise<number> {
  const began = performance.now();
  let count = 0;
  const client = async () => {
    while (performance.now() - began < ROUND_MS) {
      await ask(url);
      count++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (count * 1000) / (performance.now() - began);
}

async function end(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, 'exit');
}
