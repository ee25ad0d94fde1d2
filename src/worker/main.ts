/** The worker: runs one worker's part of a job. `main.ts JOB_FILE INDEX`; events on stdout, commands on stdin. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadConfig } from '../config.ts';
import { type RunningPipeline, startPipeline } from '../engine/engine.ts';
import { asSluiceError, SluiceError } from '../errors.ts';
import { graphOf } from './graph.ts';
import { isAlive, readJob } from './job-file.ts';
import { readLines, type WorkerCommand, type WorkerEvent, type WorkerProgress } from './protocol.ts';

const PROGRESS_MS = 500;
const TAKEOVER_MS = 5000;

const [jobPath = '', index = '0'] = process.argv.slice(2);
let running: RunningPipeline | undefined;
let wanted: WorkerCommand['type'] | undefined;

readLines<WorkerCommand>(process.stdin, ({ type }) => {
  wanted = type;
  obey();
});
// Whatever a thread is busy with: an exit would wait for it.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'));

try {
  await work();
} catch (thrown) {
  const { code, message, exitStatus } = asSluiceError(thrown);
  await tell({ type: 'failed', code, message, ...(running && { progress: progressOf(running) }) });
  process.exit(exitStatus);
}
process.exit(0);

async function work(): Promise<void> {
  const config = loadConfig();
  const job = await readJob(jobPath);
  const directory = join(dirname(jobPath), 'workers', index);
  await takeOver(directory);
  running = await startPipeline(graphOf(job), {
    jobId: job.id,
    lineage: job.lineage,
    templateId: job.templateId,
    config,
    directory,
    worker: { index: Number(index), count: job.workers },
    streaming: job.streaming,
    report: (severity, text, stage) =>
      void tell({ type: 'message', severity, text, stage, time: new Date().toISOString() }),
  });
  await tell({ type: 'running' });
  obey();
  const pipeline = running;
  const timer = setInterval(
    () => void tell({ type: 'progress', progress: progressOf(pipeline) }),
    PROGRESS_MS,
  );
  const state = await pipeline.ended.finally(() => clearInterval(timer));
  await tell({ type: 'ended', state, progress: progressOf(pipeline), outputs: pipeline.outputs() });
}

function obey(): void {
  if (wanted === 'drain') running?.drain();
  if (wanted === 'cancel') running?.cancel();
}

/** Waits for an earlier worker on the same folder, orphaned by its launcher's end, to be gone. */
async function takeOver(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'pid');
  const before = Number(await readFile(path, 'utf8').catch(() => '0'));
  const deadline = Date.now() + TAKEOVER_MS;
  while (before > 0 && before !== process.pid && isAlive(before)) {
    if (Date.now() > deadline)
      throw new SluiceError('JOB_NOT_RESUMABLE', `process ${before} still runs this job`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  await writeFile(path, String(process.pid));
}

function progressOf(pipeline: RunningPipeline): WorkerProgress {
  const watermark = pipeline.watermark();
  return { counters: pipeline.counters(), ...(Number.isFinite(watermark) && { watermark }) };
}

/** Resolves once the line has left the process. */
function tell(event: WorkerEvent): Promise<void> {
  return new Promise(resolve => process.stdout.write(`${JSON.stringify(event)}\n`, () => resolve()));
}
