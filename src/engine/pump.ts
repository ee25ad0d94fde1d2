/** The pump of a source: reads it into the pipeline, and stands still while a checkpoint is taken. */
import type { Source } from './component.ts';
import { crashPoint } from './crash-point.ts';
import { emit, type Flight, type Stage } from './stage.ts';
import { END_OF_TIME } from './time.ts';

export interface Pump {
  /** Resolves once the source has ended or was stopped, and rejects with what broke it. */
  readonly finished: Promise<void>;
  /** True when the source came to its own end. */
  readonly exhausted: boolean;
  /** Interrupts the reading; resolves once nothing more will be emitted until `resume`. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends the stream after what has been read. */
  stop(): void;
}

/** `onRead` is told the number of elements of each batch. */
export function startPump(
  stage: Stage,
  source: Source,
  flight: Flight,
  onRead: (elements: number) => void,
): Pump {
  let interrupt = new AbortController();
  let gate: { opened: Promise<void>; open: () => void } | undefined;
  let parked: (() => void) | undefined;
  let isParked = false;
  let stopped = false;
  let exhausted = false;

  const park = async () => {
    isParked = true;
    parked?.();
    await gate?.opened;
    isParked = false;
  };

  const pump = async () => {
    while (!stopped) {
      if (gate) {
        await park();
        continue;
      }
      const got = await source.read(interrupt.signal);
      if (got === 'end') {
        exhausted = true;
        break;
      }
      stage.watermark = Math.max(stage.watermark, source.watermark());
      if (got === 'idle') await emit(stage, undefined, { good: [] }, flight);
      else {
        crashPoint('source.read');
        onRead(got.count);
        got.source = stage.node.id;
        await emit(stage, undefined, { good: [got] }, flight);
      }
    }
    stage.watermark = END_OF_TIME;
    await emit(stage, undefined, { good: [] }, flight);
  };

  const finished = pump().finally(() => {
    isParked = true;
    parked?.();
  });

  return {
    finished,
    get exhausted() {
      return exhausted;
    },
    async pause() {
      let open = () => {};
      gate = { opened: new Promise<void>(resolve => (open = resolve)), open: () => open() };
      interrupt.abort();
      if (!isParked) await new Promise<void>(resolve => (parked = resolve));
    },
    resume() {
      const opening = gate;
      gate = undefined;
      parked = undefined;
      interrupt = new AbortController();
      opening?.open();
    },
    stop() {
      stopped = true;
      interrupt.abort();
    },
  };
}
