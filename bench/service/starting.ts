/** From the request to the first element read: the worker is made to die at exactly that moment. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobDirectory } from '../../src/config.ts';
import { isRunning, readIdentity } from '../../src/worker/identity.ts';
import { median } from '../measure.ts';
import { activeJobs, ask, JOBS, launch, type Server, serving } from './server.ts';

const ROUNDS = 9;
const TARGET_MS = 1500;
const CRASH = { SLUICE_CRASH_AT: 'source.read' };
const root = join(import.meta.dirname, '../..');

/** @param folder where files may be put */
export async function measureStarting(folder: string): Promise<void> {
  const home = join(folder, 'starting');
  writeFileSync(join(folder, 'in.ndjson'), '{"a":1}\n'.repeat(1000));
  copyFileSync(join(root, 'bench/files/udf.js'), join(folder, 'udf.js'));
  const parameters = {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'transform',
  };
  const run = Array.from({ length: ROUNDS }, () => timeRun(home, parameters));
  const served: number[] = [];
  await serving({ home, args: ['--root', folder], env: CRASH }, async server => {
    for (let round = 0; round < ROUNDS; round++) served.push(await timeLaunch(server, parameters));
  });
  console.log(`sluice run, first element        ${median(run).toFixed(0)} ms`);
  console.log(
    `launch over REST, first element  ${median(served).toFixed(0)} ms, with a UDF (target under ${TARGET_MS})`,
  );
  console.log(`ratio                            ${(median(served) / median(run)).toFixed(2)}`);
}

function timeRun(home: string, parameters: Record<string, string>): number {
  const began = performance.now();
  const args = ['run', 'GCS_Text_to_GCS_Text', '--parameters', JSON.stringify(parameters)];
  spawnSync(join(root, 'bin/sluice'), args, { env: { ...process.env, SLUICE_HOME: home, ...CRASH } });
  return performance.now() - began;
}

async function timeLaunch(server: Server, parameters: Record<string, string>): Promise<number> {
  const began = performance.now();
  const id = await launch(server, 'GCS_Text_to_GCS_Text', parameters);
  const pidFile = join(jobDirectory(server, id), 'workers/0/pid');
  while (!hasDied(pidFile)) await sleep(2);
  const milliseconds = performance.now() - began;
  await ask(`${server.url}${JOBS}/${id}`, 'PUT', { requestedState: 'JOB_STATE_CANCELLED' });
  while ((await activeJobs(server)).length > 0) await sleep(50);
  return milliseconds;
}

function hasDied(pidFile: string): boolean {
  const worker = existsSync(pidFile) ? readIdentity(pidFile) : undefined;
  return worker !== undefined && !isRunning(worker);
}
