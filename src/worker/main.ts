/**
 * The worker: runs one worker's part of a job. `main.ts JOB_FILE INDEX` speaks through pipes and ends with its
 * launcher; with a third argument, its token, it speaks through files and outlives it.
 */
import { readFileSync, writeSync } from 'node:fs';
import { loadConfig } from '../config.ts';
import { type RunningPipeline, startPipeline } from '../engine/engine.ts';
import { hideSecrets } from '../engine/secrets.ts';
import { asSluiceError, SluiceError } from '../errors.ts';
import { claim, DISK_FULL_STATUS, holderOf, TAKEN_STATUS } from './claim.ts';
import { openFiles } from './files.ts';
import { graphOf } from './graph.ts';
import { readJob } from './job-file.ts';
import { memoryBytes } from './memory.ts';
import { openPipes } from './pipes.ts';
import { turnFile, workerDirectory } from './places.ts';
import type { Channel, WorkerProgress, WorkerWish } from './protocol.ts';

const PROGRESS_MS = 500;
const TAKEOVER_MS = 5000;

const [jobPath = '', index = '0', token] = process.argv.slice(2);
const directory = workerDirectory(jobPath, Number(index));
let running: RunningPipeline | undefined;
let wanted: WorkerWish | undefined;

// What Node itself would print of it may hold secrets.
process.on('uncaughtException', thrown => {
  writeSync(2, `${hideSecrets(String((thrown instanceof Error && thrown.stack) || thrown))}\n`);
  process.exit(asSluiceError(thrown).code === 'DISK_FULL' ? DISK_FULL_STATUS : 1);
});

if (token !== undefined) {
  // The folder is another's: whoever follows this job finds that one.
  if (!(await takeOver(token))) process.exit(TAKEN_STATUS);
  await workAndTell(openFiles(jobPath, Number(index), token), async () => {});
} else {
  await workAndTell(openPipes(), async () => {
    if (await takeOver()) return;
    throw new SluiceError('JOB_NOT_RESUMABLE', `process ${holderOf(directory)?.pid} still runs this job`);
  });
}

async function workAndTell(channel: Channel, prepare: () => Promise<void>): Promise<never> {
  channel.onWish(wish => {
    wanted = wish;
    obey();
  });
  try {
    await prepare();
    await work(channel);
  } catch (thrown) {
    const { code, message, exitStatus } = asSluiceError(thrown);
    await channel.tell({
      type: 'failed',
      code,
      message: hideSecrets(message),
      ...(running && { progress: progressOf(running) }),
    });
    process.exit(exitStatus);
  }
  process.exit(0);
}

async function work(channel: Channel): Promise<void> {
  const config = loadConfig();
  const job = await readJob(jobPath);
  running = await startPipeline(graphOf(job), {
    jobId: job.id,
    lineage: job.lineage,
    templateId: job.templateId,
    config,
    directory,
    worker: { index: Number(index), count: job.workers },
    streaming: job.streaming,
    report: (severity, text, stage) =>
      void channel.tell({ type: 'message', severity, text, stage, time: new Date().toISOString() }),
  });
  await channel.tell({ type: 'running' });
  obey();
  const pipeline = running;
  const timer = setInterval(
    () => void channel.tell({ type: 'progress', progress: progressOf(pipeline) }),
    PROGRESS_MS,
  );
  const state = await pipeline.ended.finally(() => clearInterval(timer));
  await channel.tell({ type: 'ended', state, progress: progressOf(pipeline), outputs: pipeline.outputs() });
}

function obey(): void {
  if (wanted === 'drain') running?.drain();
  if (wanted === 'cancel') running?.cancel();
  if (wanted === 'handover') running?.handOver();
}

/**
 * Waits for an earlier worker on the same folder, orphaned by its launcher's end, to be gone; false when it stays, or
 * when a later one has been started.
 */
async function takeOver(token?: string): Promise<boolean> {
  const isPassedBy = () => token !== undefined && readFileSync(turnFile(directory), 'utf8') !== token;
  const deadline = Date.now() + TAKEOVER_MS;
  while (!claim(directory)) {
    if (Date.now() > deadline || isPassedBy()) return false;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return !isPassedBy();
}

function progressOf(pipeline: RunningPipeline): WorkerProgress {
  const watermark = pipeline.watermark();
  return {
    counters: pipeline.counters(),
    ...(Number.isFinite(watermark) && { watermark }),
    gauges: { ...pipeline.gauges(), memoryBytes: memoryBytes() },
  };
}
