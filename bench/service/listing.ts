/** How long clients wait for lists and single jobs, with many ended jobs in the store, while others run. */
import { setTimeout as sleep } from 'node:timers/promises';
import { newJobId } from '../../src/jobs/job.ts';
import { openStore } from '../../src/store/store.ts';
import { activeJobs, ask, JOBS, launchTiny, type Server } from './server.ts';

const ENDED = 10_000;
const QUEUED = 200;
const TARGET_MS = 50;
const PAUSE_MS = 5;

export function fillStore(home: string): void {
  const store = openStore({ home });
  store.transaction(() => {
    for (let i = 0; i < ENDED; i++) {
      const time = new Date(Date.now() - i * 60_000);
      const id = newJobId(time);
      store.jobs.insert({
        id,
        name: `ended-${i}`,
        projectId: 'local',
        location: 'us-central1',
        streaming: false,
        state: 'PENDING',
        stateTime: time.toISOString(),
        createTime: time.toISOString(),
        templateId: 'GCS_Text_to_GCS_Text',
        parameters: { inputFilePattern: 'gs://bucket/in/*.ndjson', outputDirectory: 'gs://bucket/out/' },
        labels: { team: 'bench' },
        environment: {},
        workers: 1,
        restarts: 0,
        launchedBy: 'local',
        owner: 'service',
      });
      store.jobs.move(id, 'RUNNING');
      store.jobs.move(id, 'DONE', {
        result: {
          elements: { read: i, written: i, filtered: 0, deadLettered: 0 },
          bytes: { read: i, written: i },
          seconds: 1,
          outputs: [],
        },
      });
    }
  });
  store.close();
}

/** Launches the jobs at once, and asks until they have ended. */
export async function measureListing(server: Server): Promise<void> {
  const began = performance.now();
  const ids = await Promise.all(Array.from({ length: QUEUED }, () => launchTiny(server)));
  console.log(
    `${QUEUED} jobs launched at once         ${seconds(began)} s, with ${ENDED} ended ones in the store`,
  );
  const paths: Record<string, (i: number) => string> = {
    list: () => JOBS,
    'list ACTIVE': () => `${JOBS}?filter=ACTIVE`,
    get: i => `${JOBS}/${ids[i % ids.length]}`,
    aggregated: () => '/v1b3/projects/local/jobs:aggregated',
  };
  const waits: Record<string, number[]> = {};
  let isOver = false;
  const watching = (async () => {
    for (; (await activeJobs(server)).length > 0; ) await sleep(500);
    isOver = true;
  })();
  for (let i = 0; !isOver; i++) {
    for (const [name, pathOf] of Object.entries(paths)) {
      const { milliseconds, status, text } = await ask(server.url + pathOf(i));
      if (status !== 200) throw new Error(`${name} was answered with ${status}: ${text}`);
      waits[name] = [...(waits[name] ?? []), milliseconds];
      await sleep(PAUSE_MS);
    }
  }
  await watching;
  console.log(`all of them ended                ${seconds(began)} s`);
  for (const [name, all] of Object.entries(waits))
    console.log(
      `${name.padEnd(12)} p50 ${at(all, 0.5)} ms   p99 ${at(all, 0.99)} ms   longest ${at(all, 1)} ms   ${all.length} requests`,
    );
  console.log(`target: p99 under ${TARGET_MS} ms while jobs run`);
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1).padStart(6);

function at(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return value.toFixed(1).padStart(6);
}
