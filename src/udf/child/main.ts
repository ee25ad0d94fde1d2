/**
 * The child process that runs one UDF: frames in and frames out on one pipe, until the worker closes it. It has no environment, no secret and no connection of its own, and may be killed at
 * any moment.
 */
import { Worker } from 'node:worker_threads';
import { FRAME, headerOf, jsonFrame, jsonIn, type LoadRequest, wordAt } from '../frames.ts';
import { readFrame, writeFrame } from './channel.ts';
import { Refusal } from './load.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

// Reads and calls block this thread, so another one sees whether the worker is still there.
const GUARD = `
  const { parentPid } = require('node:worker_threads').workerData;
  setInterval(() => { if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL'); }, 500);
`;

serve();

function serve(): void {
  let sandbox: Sandbox | undefined;
  for (let frame = readFrame(); frame !== undefined; frame = readFrame()) {
    if (wordAt(headerOf(frame), 1) === FRAME.batch) sandbox?.run(frame);
    else sandbox = load(jsonIn(frame) as LoadRequest);
  }
  process.kill(process.pid, 'SIGKILL');
}

function load(request: LoadRequest): Sandbox | undefined {
  try {
    const sandbox = createSandbox(request, writeFrame);
    const { function: name, wantsContext } = sandbox;
    writeFrame(jsonFrame(FRAME.loaded, { function: name, wantsContext }));
    new Worker(GUARD, {
      eval: true,
      workerData: { parentPid: request.parentPid },
      env: {},
      stdout: true,
      stderr: true,
    });
    return sandbox;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    writeFrame(jsonFrame(FRAME.loaded, { code: error.code, message: error.message }));
    return undefined;
  }
}
