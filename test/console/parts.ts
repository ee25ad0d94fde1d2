/** What the tests of the console's pages have in common. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { consoleOf } from '../../src/console/console.ts';
import type { JobRecord, JobResult } from '../../src/store/record.ts';
import { isEnded, type JobState } from '../../src/store/states.ts';
import type { Store } from '../../src/store/store.ts';
import { type Answer, startServer, type TestServer, type TestServerOptions } from '../helpers/server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { eventually } from '../jobs/service-jobs.ts';
import { aRecord } from '../store/a-record.ts';

/** Whatever shows this as it is has not escaped it. */
export const HOSTILE = '<img src=x onerror=alert(1)>';
/** Any element that text may have made. */
export const MADE = /<img|<script>alert|onerror="/;

/** A job beside a browser, on a machine that is busy, takes its time. */
const PATIENCE_MS = 180_000;

export interface ConsoleBench extends TestServer {
  folder: string;
  /** Sends a form as a browser does; a redirect is not followed. */
  submit(path: string, fields: Record<string, string> | [string, string][]): Promise<Answer>;
  /** The id of the job that a form launched. */
  launch(template: string, name: string, parameters: Record<string, string>): Promise<string>;
  until(jobId: string, ...states: JobState[]): Promise<JobRecord>;
  ended(jobId: string): Promise<JobRecord>;
}

/** A server with the console, and a folder that its jobs may touch. */
export async function openConsole(t: TestContext, options: TestServerOptions = {}): Promise<ConsoleBench> {
  const folder = await temporaryFolder(t);
  const config = { home: join(folder, 'home'), roots: [folder], ...options.config };
  const server = await startServer(t, { pages: consoleOf, maxJobs: 4, ...options, config });
  const submit: ConsoleBench['submit'] = (path, fields) =>
    server.post(path, String(new URLSearchParams(fields)), {
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
      redirect: 'manual',
    });
  const { jobs } = server.service.store;
  const until = (jobId: string, isThere: (record: JobRecord) => boolean) =>
    eventually(
      () => {
        const record = jobs.require(jobId);
        return isThere(record) && record;
      },
      () => `job ${jobId} is ${JSON.stringify(jobs.require(jobId), null, 1)}`,
      PATIENCE_MS,
    );
  return {
    ...server,
    folder,
    submit,
    async launch(template, jobName, parameters) {
      const given = Object.entries(parameters).map(([name, value]) => [`p.${name}`, value]);
      const fields = { action: 'launch', jobName, ...Object.fromEntries(given) };
      const { status, headers, text } = await submit(`/templates/${template}/launch`, fields);
      if (status !== 303) throw new Error(`${status}: ${text}`);
      return decodeURIComponent(headers.get('location')?.replace('/jobs/', '') ?? '');
    },
    until: (jobId, ...states) => until(jobId, ({ state }) => states.includes(state)),
    ended: jobId => until(jobId, ({ state }) => isEnded(state)),
  };
}

/** Takes in a job that has ended; gives its id. */
export function addEnded(
  { jobs }: Store,
  changed: Partial<JobRecord> = {},
  state: 'DONE' | 'FAILED' = 'DONE',
  error?: { code: string; message: string },
): string {
  const record = aRecord({ ...changed, state: 'RUNNING', startTime: new Date().toISOString() });
  jobs.insert(record);
  const result: JobResult = {
    seconds: 2,
    elements: { read: 10, written: 7, filtered: 1, deadLettered: 2 },
    bytes: { read: 100, written: 80 },
    errors: { [HOSTILE]: 1, UDF_THREW: 1 },
    outputs: [`/out/${HOSTILE}`],
    ...(error && { error }),
  };
  jobs.move(record.id, state, { result });
  return record.id;
}

/** Records `{"id": …}` with the fields of `more`, a line each. */
export async function records(path: string, count: number, more: object = {}): Promise<string> {
  const lines = Array.from({ length: count }, (_, id) => JSON.stringify({ id, ...more }));
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

/** What a stream makes: game events at a rate, a file for each second. */
export const streamInto = (folder: string, qps = 200): Record<string, string> => ({
  qps: String(qps),
  schemaTemplate: 'GAME_EVENT',
  sinkType: 'GCS',
  outputDirectory: folder,
  windowDuration: '1s',
});
