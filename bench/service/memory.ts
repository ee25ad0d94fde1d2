/** What the server keeps of each job in memory: nothing, if its memory does not grow with their number. */
import { setTimeout as sleep } from 'node:timers/promises';
import { activeJobs, ask, launchTiny, residentBytes, type Server } from './server.ts';

const SECONDS = Number(process.env.SLUICE_BENCH_SECONDS ?? 180);
const QUEUE = 40;
const MB = 2 ** 20;
const GOAL = 10_000;

interface Sample {
  jobs: number;
  resident: number;
  heap: number;
}

/** Real jobs, as many as there is time for: ten thousand of them take hours on two cores. */
export async function measureMemory(server: Server): Promise<void> {
  const samples: Sample[] = [];
  const began = performance.now();
  let launched = 0;
  let window: Sample[] = [];
  while (performance.now() - began < SECONDS * 1000) {
    const active = (await activeJobs(server)).length;
    for (let i = active; i < QUEUE; i++, launched++) await launchTiny(server);
    window.push({ jobs: launched - active, ...(await memoryOf(server)) });
    // The least of a while is what is left after a collection of garbage.
    if (window.length === 10) {
      samples.push(window.reduce((least, each) => (each.heap < least.heap ? each : least)));
      window = [];
    }
    await sleep(250);
  }
  const settled = samples.slice(Math.floor(samples.length / 3));
  const first = settled[0];
  const last = settled.at(-1);
  if (!first || !last || first === last) throw new Error(`${SECONDS} s are too few to see anything`);
  console.log(`${last.jobs} real jobs in ${SECONDS} s; the slope is that of the last two thirds`);
  for (const key of ['resident', 'heap'] as const) {
    const slope = slopeOf(settled.map(sample => [sample.jobs, sample[key]]));
    console.log(
      `${key.padEnd(9)} ${mb(first[key])} MB after ${first.jobs} jobs, ${mb(last[key])} MB after ${last.jobs}: ` +
        `${(slope / 1024).toFixed(2)} KB a job, ${((slope * GOAL) / MB).toFixed(0)} MB for ${GOAL}`,
    );
  }
}

async function memoryOf({ url, pid }: Server): Promise<Omit<Sample, 'jobs'>> {
  const { text } = await ask(`${url}/metrics`);
  const heap = Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(text)?.[1]);
  return { resident: residentBytes(pid), heap };
}

/** Of the line with the least squares. */
function slopeOf(points: readonly [x: number, y: number][]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x0 = mean(points.map(([x]) => x));
  const y0 = mean(points.map(([, y]) => y));
  const over = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  return over / points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
}

const mb = (bytes: number): string => (bytes / MB).toFixed(1);
