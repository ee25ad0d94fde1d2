/**
 * What a worker and its launcher say to each other: one JSON object a line, through a pipe, or through files where the
 * worker is to outlive its launcher.
 */
import type { Counters } from '../engine/counters.ts';
import type { Gauges } from '../engine/gauges.ts';

export type Severity = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

export type WorkerEvent =
  | { type: 'running' }
  | { type: 'progress'; progress: WorkerProgress }
  | { type: 'message'; severity: Severity; text: string; stage?: string; time: string }
  | {
      type: 'ended';
      state: 'DONE' | 'DRAINED' | 'CANCELLED' | 'HANDED_OVER';
      progress: WorkerProgress;
      outputs: string[];
    }
  | { type: 'failed'; code: string; message: string; progress?: WorkerProgress };

export interface WorkerProgress {
  counters: Counters;
  /** ms since the epoch; absent while there is none. */
  watermark?: number;
  gauges?: Gauges;
}

/** To end cleanly, to stop at once, or to stop for a successor that goes on from the checkpoint. */
export type WorkerWish = 'drain' | 'cancel' | 'handover';

/** To the worker, on its standard input, whose end means that the launcher is gone: the worker stops, resumable. */
export interface WorkerCommand {
  type: WorkerWish;
}

/** How a worker speaks with its launcher. */
export interface Channel {
  /** Resolves once the event has left the process. */
  tell(event: WorkerEvent): Promise<void>;
  /** Calls `listener` with what is wished of the worker, as often as that changes. */
  onWish(listener: (wish: WorkerWish) => void): void;
}

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
