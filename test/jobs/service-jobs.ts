/** A supervisor of its own home, and jobs for it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Config, loadConfig } from '../../src/config.ts';
import { jobFile } from '../../src/jobs/job.ts';
import { openSupervisor, type Supervisor, type SupervisorOptions } from '../../src/jobs/supervisor.ts';
import { type GivenParameters, type PreparedJob, prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import type { JobRecord } from '../../src/store/record.ts';
import type { JobState } from '../../src/store/states.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { holderOf } from '../../src/worker/claim.ts';
import { workerDirectory } from '../../src/worker/places.ts';
import { UDF, writeRecords } from '../faults/records.ts';
import { atEnd } from '../helpers/at-end.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

export interface Bench {
  folder: string;
  config: Config;
  store: Store;
  supervisor: Supervisor;
  launch(templateId: string, parameters: GivenParameters, numWorkers?: number): Promise<JobRecord>;
  launchPipeline(transforms: object[]): Promise<JobRecord>;
  /** Resolves with the record once the job is in one of these states. */
  until(jobId: string, ...states: JobState[]): Promise<JobRecord>;
  /** Closes the supervisor, as a graceful stop does, and opens another one on the same home. */
  reopen(): Promise<void>;
  messages(jobId: string): string[];
}

export async function openBench(t: TestContext, options: Partial<SupervisorOptions> = {}): Promise<Bench> {
  const folder = await temporaryFolder(t);
  const config = loadConfig({ SLUICE_HOME: join(folder, 'home'), SLUICE_CHECKPOINT_MS: '50' });
  const store = openStore(config);
  const open = () => openSupervisor({ config, store, maxJobs: 4, firstRetryMs: 20, ...options });
  const launchPrepared = (prepared: PreparedJob) =>
    bench.supervisor.launch(prepared.job, newRecord(prepared, { launchedBy: 'test', owner: 'service' }));
  const bench: Bench = {
    folder,
    config,
    store,
    supervisor: await open(),
    launch: async (templateId, parameters, numWorkers) =>
      launchPrepared(await prepareJob(config, { templateId, parameters, numWorkers })),
    async launchPipeline(transforms) {
      const pipeline = join(folder, 'pipeline.yaml');
      await writeFile(pipeline, JSON.stringify({ pipeline: { type: 'chain', transforms } }));
      return launchPrepared(await prepareJob(config, { pipeline }));
    },
    until: (jobId, ...states) =>
      eventually(
        () => {
          const record = store.jobs.require(jobId);
          return states.includes(record.state) && record;
        },
        () => `job ${jobId} is ${JSON.stringify(store.jobs.require(jobId), null, 1)}, not ${states}`,
      ),
    async reopen() {
      await bench.supervisor.close({ drain: false });
      bench.supervisor = await open();
    },
    messages: jobId => store.messages.list(jobId, {}, 1000).items.map(({ text }) => text),
  };
  atEnd(t, async () => {
    await bench.supervisor.close({ drain: false });
    for (const { id, workers } of store.jobs.active('service'))
      for (let index = 0; index < workers; index++) kill(config, id, index);
    store.close();
  });
  return bench;
}

/** Records with the function of the fault tests. */
export async function batchIn(folder: string, records: number): Promise<GivenParameters> {
  writeRecords(join(folder, 'in.ndjson'), records);
  await writeFile(join(folder, 'check.js'), UDF);
  return {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
  };
}

export const workerPid = (config: Config, jobId: string, index = 0): number | undefined =>
  holderOf(workerDirectory(jobFile(config, jobId), index))?.pid;

export function kill(config: Config, jobId: string, index = 0): void {
  const pid = workerPid(config, jobId, index);
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

/** A stream of 500 records a second into files, with a window each second. */
export async function streamOf(folder: string, udf = 'function f(payload) { return payload; }') {
  await writeFile(join(folder, 'udf.js'), udf);
  return {
    qps: '500',
    schemaTemplate: 'GAME_EVENT',
    sinkType: 'GCS',
    outputDirectory: join(folder, 'out'),
    windowDuration: '1s',
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'f',
  };
}

const TIMEOUT_MS = 60_000;

/** Resolves with what `find` gives once that is something. */
export async function eventually<T>(
  find: () => T | false | undefined,
  describe = () => 'it did not come to be',
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  for (const endMs = Date.now() + timeoutMs; ; await new Promise(resolve => setTimeout(resolve, 20))) {
    const found = find();
    if (found !== false && found !== undefined) return found;
    if (Date.now() > endMs) throw new Error(describe());
  }
}
