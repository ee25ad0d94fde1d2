/** Runs batches in a realm: one call at a time, each answered by a result, whatever the user's code does. */
import { FAILED, type FailureEntry, type LoadRequest } from '../frames.ts';
import { attempt, type Ending, hasRun } from './attempt.ts';
import { type BatchFrame, batchIn, type Elements } from './batch.ts';
import { createRealm } from './realm.ts';
import { createResultWriter } from './result.ts';

/** For calls that run no code of the user's, but may have to flatten or copy much. */
const TRANSFER_TIMEOUT_MS = 2000;
/** Results are copied outside V8's heap, where it feels no pressure: it must be told to let go of them. */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;

export interface Sandbox {
  function: string;
  wantsContext: boolean;
  /** Runs the elements of a batch frame and writes the results. */
  run(frame: Buffer): void;
}

/** A sandbox with the scripts loaded; throws a `Refusal` when they cannot be. */
export function createSandbox(request: LoadRequest, write: (frame: Buffer) => void): Sandbox {
  const { timeoutMs, maxOutputBytes } = request;
  const stepTimeoutMs = timeoutMs + Math.max(1, Math.ceil(timeoutMs / 2));
  const writeResult = createResultWriter(maxOutputBytes, write);
  let realm = createRealm(request);
  // True until the realm has run an element: nothing but the element itself can have spoilt it.
  let fresh = true;
  let uncollected = 0;

  return {
    function: realm.function,
    wantsContext: realm.wantsContext,
    run(frame) {
      const batch = batchIn(frame);
      let from = batch.careful ? 0 : runTogether(batch);
      while (from < batch.count) from = runAlone(batch, from);
    },
  };

  /** Runs the elements in as few calls as may be; gives the first one that has to be run by itself. */
  function runTogether(batch: BatchFrame): number {
    const { count } = batch;
    let from = 0;
    if (attempt(() => hand(batch.elements())) !== 'done') return lose(0);
    while (from < count) {
      const ended = step(from, count);
      const done = realm.done();
      if (ended === 'timeout' && done === from) {
        blame(batch, from, 'UDF_TIMEOUT');
        from++;
        continue;
      }
      // Out of time after the last element: something left in the queue of microtasks, it is not clear by whom.
      const spoilt = ended === 'memory' || done === from || (ended === 'timeout' && done === count);
      if (spoilt || !transfer(batch, from, 0, done)) return lose(from);
      from = done;
    }
    return count;
  }

  /** Runs one element in a call of its own, and once more in a new realm before it is blamed for a lost one. */
  function runAlone(batch: BatchFrame, index: number): number {
    for (;;) {
      const wasFresh = fresh;
      const handed = attempt(() => hand(batch.element(index)));
      const ended = handed === 'done' ? step(0, 1) : handed;
      // What was not handed over was not run: the last step was another element's.
      const done = handed === 'done' && realm.done() === 1;
      if (ended === 'timeout' && !done) {
        blame(batch, index, 'UDF_TIMEOUT');
        return index + 1;
      }
      if (hasRun(ended) && done && transfer(batch, 0, index, 1)) return index + 1;
      const code = ended === 'memory' || realm.lost ? 'UDF_MEMORY' : 'UDF_TIMEOUT';
      lose(index);
      if (wasFresh) {
        blame(batch, index, code);
        return index + 1;
      }
    }
  }

  /** Runs elements; again, once, when time ran out for the first but the machine gave it too little of it. */
  function step(from: number, to: number): Ending {
    const spentBefore = realm.processorMs();
    const ended = attempt(() => realm.step(from, to, stepTimeoutMs));
    const starved = realm.processorMs() - spentBefore < timeoutMs / 2;
    if (ended !== 'timeout' || realm.done() !== from || !starved) return ended;
    return attempt(() => realm.step(from, to, stepTimeoutMs));
  }

  function hand({ text, starts, ends, contexts }: Elements): void {
    realm.place(starts, ends);
    fresh = false;
    realm.begin(text, contexts, TRANSFER_TIMEOUT_MS);
  }

  /** Writes the result of elements `[from, done)` of what the realm was handed, which begins at `base`. */
  function transfer(batch: BatchFrame, from: number, base: number, done: number): boolean {
    let text = '';
    let failures = '';
    const ended = attempt(() => {
      text = realm.outputs(TRANSFER_TIMEOUT_MS);
      failures = realm.failures(TRANSFER_TIMEOUT_MS);
    });
    if (ended !== 'done') return false;
    const statuses = realm.statuses(from, done);
    writeResult({ from: base + from, final: base + done === batch.count, statuses, text, failures });
    collect(text.length);
    return true;
  }

  function blame(batch: BatchFrame, index: number, code: string): void {
    const entry: FailureEntry = [0, code, '', ''];
    writeResult({
      from: index,
      final: index + 1 === batch.count,
      statuses: Int32Array.of(FAILED),
      text: '',
      failures: JSON.stringify(entry),
    });
  }

  function lose(index: number): number {
    realm.dispose();
    realm = createRealm(request);
    fresh = true;
    return index;
  }

  function collect(bytes: number): void {
    uncollected += bytes;
    if (uncollected < COLLECT_EVERY_BYTES) return;
    uncollected = 0;
    globalThis.gc?.();
  }
}
