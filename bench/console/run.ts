/** How long each page of the console takes on the server, with ten thousand jobs and a million dead letters. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fillStore } from '../service/listing.ts';
import { activeJobs, ask, launch, type Server, serving } from '../service/server.ts';

const LETTERS = Number(process.env.LETTERS ?? 1_000_000);
const ROUNDS = Number(process.env.ROUNDS ?? 30);
const TARGET_MS = 100;

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const home = join(folder, 'home');
fillStore(home);
await serving({ home, args: ['--root', folder] }, async server => {
  const job = await failAll(server);
  const base = `/jobs/${job}`;
  const { text: jobs } = await ask(`${server.url}/jobs`);
  const { text: found } = await ask(`${server.url}${base}/dead-letters/found`);
  const pages: Record<string, string> = {
    catalog: '/templates',
    'catalog, searched': '/templates?query=kafka',
    template: '/templates/Kafka_to_BigQuery',
    'launch form': '/templates/Kafka_to_BigQuery/launch',
    jobs: '/jobs',
    'jobs, older ones': hrefIn(jobs, /href="(\/jobs\?[^"]*page[^"]*)"/),
    'jobs, searched': '/jobs?name=ended-77',
    'jobs, failed ones': '/jobs?show=FAILED',
    job: base,
    'job, messages': `${base}?tab=messages`,
    'job, workers': `${base}?tab=workers`,
    'job, charts': `${base}/history`,
    functions: '/functions',
    'dead letters': '/dead-letters',
    'dead letters of a job': `${base}/dead-letters`,
    system: '/system',
  };
  for (const [name, path] of Object.entries(pages)) await tell(server, name, path, ROUNDS);
  console.log(`target: under ${TARGET_MS} ms`);
  // These are read in a process of their own, after the page is there.
  const letter = hrefIn(found, /href="([^"]*\/letter\?[^"]*)"/);
  await tell(server, 'the first letters', `${base}/dead-letters/found`, 3);
  await tell(server, 'the first letter', letter, 3);
  await tell(server, `${LETTERS.toLocaleString('en')} letters counted`, `${base}/dead-letters/counted`, 1);
});
process.exit();

/** A job whose function throws at every record. */
async function failAll(server: Server): Promise<string> {
  const input = join(folder, 'in.txt');
  writeFileSync(input, Array.from({ length: LETTERS }, (_, id) => `{"id":${id}}\n`).join(''));
  writeFileSync(join(folder, 'no.js'), "function no(text) { throw new Error('no: ' + text); }");
  const id = await launch(server, 'GCS_Text_to_GCS_Text', {
    inputFilePattern: input,
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'no.js'),
    javascriptTextTransformFunctionName: 'no',
  });
  while ((await activeJobs(server)).length > 0) await sleep(500);
  return id;
}

/** The address in a page of which the pattern has the first group. */
function hrefIn(html: string, pattern: RegExp): string {
  const [, href] = pattern.exec(html) ?? [];
  if (href === undefined) throw new Error(`the page has no link like ${pattern}`);
  return href.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
}

async function tell(server: Server, name: string, path: string, rounds: number): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { status, text, milliseconds } = await ask(server.url + path);
    if (status !== 200) throw new Error(`${path} was answered with ${status}: ${text}`);
    times.push(milliseconds);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const [median = 0, longest = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const told = [median, longest].map(ms => `${ms.toFixed(1).padStart(8)} ms`);
  console.log(`${name.padEnd(26)} ${told[0]}   longest ${told[1]}`);
}
