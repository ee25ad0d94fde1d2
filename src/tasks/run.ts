/**
 * Runs tasks: work on elements of users never happens in the process of the server, but in one that lives as long as
 * the task, may use so much time and memory, and dies with the request. A few run at a time, a few more wait.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { type ErrorCode, SluiceError, type Violation } from '../errors.ts';
import { environmentOf, workerEnvironment } from '../launchers/environment.ts';
import { programArguments } from '../program.ts';
import { unwatch, watch } from '../udf/watch.ts';
import type { TaskCall } from './main.ts';
import type { TaskName, Tasks } from './tasks.ts';
import { turns } from './turns.ts';

export interface TaskOptions {
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
  /** The most it may take once it runs. */
  timeoutMs?: number;
  /** The most memory it may have resident, its functions' own processes not counted. */
  memoryMb?: number;
  maxAnswerBytes?: number;
}

const TIMEOUT_MS = 30_000;
const MEMORY_MB = 1024;
/** V8 gives up before the process is killed for its size: buffers lie outside of its heap. */
const HEAP_MB = 512;
const MAX_ANSWER_BYTES = 16 << 20;
/** What V8 says of its heap stands before a long trace. */
const LAST_WORDS = 16_000;

const takeTurn = turns({ running: 2, waiting: 16, waitMs: 30_000 });

/** @throws SluiceError what the task throws, TOO_MANY_REQUESTS, TASK_TIMEOUT, TASK_TOO_LARGE */
export async function runTask<Name extends TaskName>(
  config: Config,
  task: Name,
  request: Parameters<Tasks[Name]>[1],
  options: TaskOptions,
): Promise<Awaited<ReturnType<Tasks[Name]>>> {
  const giveBack = await takeTurn(options.signal);
  try {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-task-'));
    try {
      const answer = await perform(config, { task, request, directory }, options);
      return answer as Awaited<ReturnType<Tasks[Name]>>;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  } finally {
    giveBack();
  }
}

async function perform(config: Config, call: TaskCall, options: TaskOptions): Promise<unknown> {
  const { signal, timeoutMs = TIMEOUT_MS, memoryMb = MEMORY_MB } = options;
  const { maxAnswerBytes = MAX_ANSWER_BYTES } = options;
  const main = programArguments(new URL('./main.ts', import.meta.url), [`--max-old-space-size=${HEAP_MB}`]);
  const child = spawn(process.execPath, main, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own, so that what it starts ends with it.
    detached: true,
    env: {
      // Compiled once: the second task starts in half the time.
      NODE_COMPILE_CACHE: join(config.home, 'compiled'),
      ...workerEnvironment(process.env),
      ...environmentOf(config),
    },
  });
  let fault: SluiceError | undefined;
  const give = (code: ErrorCode, message: string) => {
    fault ??= new SluiceError(code, message);
    killGroup(child);
  };
  const onAbort = () => give('TASK_TIMEOUT', 'nobody waits for the answer any more');
  const watched = {
    pid: child.pid ?? 0,
    memoryMb,
    deadline: performance.now() + timeoutMs,
    onSilent: () => give('TASK_TIMEOUT', `the task took longer than ${timeoutMs / 1000} s`),
    onLarge: () => give('TASK_TOO_LARGE', `the task needed more than ${memoryMb} MB of memory`),
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  watch(watched);
  try {
    const { text, lastWords } = await answerOf(child, call, maxAnswerBytes, () =>
      give('TASK_TOO_LARGE', `the answer of the task would have more than ${maxAnswerBytes} bytes`),
    );
    if (fault) throw fault;
    return parse(text, lastWords);
  } finally {
    unwatch(watched);
    signal.removeEventListener('abort', onAbort);
    killGroup(child);
  }
}

/** What it said on stdout until it ended. */
function answerOf(
  child: ChildProcess,
  call: TaskCall,
  maxBytes: number,
  onTooMuch: () => void,
): Promise<{ text: string; lastWords: string }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let lastWords = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) onTooMuch();
    else chunks.push(chunk);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS);
  });
  // Stays open: its end tells the task that the server is gone.
  child.stdin?.on('error', () => {});
  child.stdin?.write(`${JSON.stringify(call)}\n`);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve({ text: Buffer.concat(chunks).toString(), lastWords }));
  });
}

interface TaskAnswer {
  answer?: unknown;
  error?: { code: ErrorCode; message: string; violations: Violation[] };
}

function parse(text: string, lastWords: string): unknown {
  if (text === '') {
    if (/heap out of memory|allocation failed/i.test(lastWords))
      throw new SluiceError('TASK_TOO_LARGE', `the task needed more than ${HEAP_MB} MB of memory`);
    throw new SluiceError('INTERNAL', `a task ended without an answer: ${lastWords.trim()}`);
  }
  const { answer, error }: TaskAnswer = JSON.parse(text);
  if (error) throw new SluiceError(error.code, error.message, { violations: error.violations });
  return answer;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Everything in it has ended.
  }
}
