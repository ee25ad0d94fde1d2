/** A task: `{task, request, directory}` as a line on stdin, `{answer}` or `{error}` on stdout. */
import { loadConfig } from '../config.ts';
import { asSluiceError } from '../errors.ts';
import { readLines } from '../worker/protocol.ts';
import { type TaskName, tasks } from './tasks.ts';

/** What the server sends. */
export interface TaskCall {
  task: TaskName;
  request: unknown;
  directory: string;
}

readLines<TaskCall>(process.stdin, call => void perform(call));
// Nobody waits for the answer any more. What the task has started is in its group.
process.stdin.on('end', () => process.kill(-process.pid, 'SIGKILL'));

async function perform({ task, request, directory }: TaskCall): Promise<void> {
  const run = tasks[task] as (config: object, request: unknown, directory: string) => Promise<unknown>;
  try {
    await tell({ answer: await run(loadConfig(), request, directory) });
  } catch (thrown) {
    const { code, message, violations } = asSluiceError(thrown);
    await tell({ error: { code, message, violations } });
  }
  process.exit();
}

/** Resolves once it has left the process. */
const tell = (answer: object): Promise<void> =>
  new Promise(resolve => process.stdout.write(JSON.stringify(answer), () => resolve()));
