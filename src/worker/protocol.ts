/** What a worker and its launcher say to each other: one JSON object a line, through a pipe or a container's streams. */
import type { Counters } from '../engine/counters.ts';
import type { EndState } from '../engine/engine.ts';

export type Severity = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/** From the worker, on its standard output. */
export type WorkerEvent =
  | { type: 'running' }
  | { type: 'progress'; progress: WorkerProgress }
  | { type: 'message'; severity: Severity; text: string; stage?: string; time: string }
  | { type: 'ended'; state: EndState; progress: WorkerProgress; outputs: string[] }
  | { type: 'failed'; code: string; message: string; progress?: WorkerProgress };

export interface WorkerProgress {
  counters: Counters;
  /** ms since the epoch; absent while there is none. */
  watermark?: number;
}

/** To the worker, on its standard input, whose end means that the launcher is gone: the worker stops, resumable. */
export type WorkerCommand = { type: 'drain' } | { type: 'cancel' };

/** Calls `onLine` with each parsed line of a stream; what is not JSON goes to `onNoise`. */
export function readLines<T>(
  stream: NodeJS.ReadableStream,
  onLine: (value: T) => void,
  onNoise?: (line: string) => void,
): void {
  let pending = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      let value: T;
      try {
        value = JSON.parse(line);
      } catch {
        onNoise?.(line);
        continue;
      }
      onLine(value);
    }
  });
}
