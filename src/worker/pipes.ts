/** A worker that ends with its launcher: events on its standard output, wishes on its standard input. */
import { type Channel, readLines, type WorkerCommand } from './protocol.ts';

export function openPipes(): Channel {
  // Whatever a thread is busy with: an exit would wait for it.
  process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'));
  return {
    tell: event =>
      new Promise(resolve => process.stdout.write(`${JSON.stringify(event)}\n`, () => resolve())),
    onWish: listener => readLines<WorkerCommand>(process.stdin, ({ type }) => listener(type)),
  };
}
