/** One isolate with the user's scripts in it, and the calls the host may make into it. */
import { readFileSync } from 'node:fs';
import ivm from 'isolated-vm';
import { type LoadRequest, wordAt } from '../frames.ts';
import { bindFunction, evaluateScripts } from './load.ts';

const WRAPPER = readFileSync(new URL('./wrapper.js', import.meta.url), 'utf8');

/** What stack traces call our own frames. */
const WRAPPER_NAME = 'sluice:realm';

/** Words before the columns of the table: see wrapper.js. */
const COLUMNS = 8;

export interface Realm {
  function: string;
  wantsContext: boolean;
  /** Says where in the payloads of the next `begin` each element begins and ends. */
  place(starts: Int32Array, ends: Int32Array): void;
  begin(payloads: string, contexts: string, timeoutMs: number): void;
  /** Runs elements `[from, to)`, or as many of them as one call should. */
  step(from: number, to: number, timeoutMs: number): void;
  /** Time that the isolate has spent on the processor. */
  processorMs(): number;
  /** The first element that the last step did not finish. */
  done(): number;
  statuses(from: number, to: number): Int32Array;
  outputs(timeoutMs: number): string;
  failures(timeoutMs: number): string;
  readonly lost: boolean;
  dispose(): void;
}

/** Makes a realm; throws a `Refusal` when the user's scripts cannot be loaded. */
export function createRealm(request: LoadRequest): Realm {
  const isolate = new ivm.Isolate({ memoryLimit: request.memoryMb });
  try {
    const context = isolate.createContextSync();
    const wrapper: ivm.Reference = context.evalSync(WRAPPER, { filename: WRAPPER_NAME, reference: true });
    const calls = referencesIn(wrapper, ['bind', 'share', 'begin', 'step', 'outputs', 'failures']);
    const modules = evaluateScripts(isolate, context, request);
    const bound = bindFunction(context, modules, request, calls.bind);
    return { ...bound, ...callsOf(isolate, calls) };
  } catch (error) {
    if (!isolate.isDisposed) isolate.dispose();
    throw error;
  }
}

type Calls = Record<'bind' | 'share' | 'begin' | 'step' | 'outputs' | 'failures', ivm.Reference>;

function callsOf(isolate: ivm.Isolate, calls: Calls): Omit<Realm, 'function' | 'wantsContext'> {
  let words: Int32Array = new Int32Array(0);
  let capacity = -1;

  function makeRoom(count: number): void {
    capacity = Math.max(1024, count);
    const shared = new SharedArrayBuffer((COLUMNS + 3 * capacity) * 4);
    calls.share.applySync(undefined, [new ivm.ExternalCopy(shared).copyInto({ release: true })]);
    words = new Int32Array(shared);
  }

  return {
    place(starts, ends) {
      if (starts.length > capacity) makeRoom(starts.length);
      words.set(starts, COLUMNS);
      words.set(ends, COLUMNS + capacity);
    },
    begin(payloads, contexts, timeout) {
      calls.begin.applySync(undefined, [payloads, contexts], { timeout });
    },
    step(from, to, timeout) {
      words[0] = from;
      calls.step.applySync(undefined, [from, to], { timeout });
    },
    processorMs: () => (isolate.isDisposed ? 0 : Number(isolate.cpuTime) / 1e6),
    done: () => wordAt(words, 0),
    statuses: (from, to) => words.subarray(COLUMNS + 2 * capacity + from, COLUMNS + 2 * capacity + to),
    outputs: timeout => calls.outputs.applySync(undefined, [], { timeout }) as string,
    failures: timeout => calls.failures.applySync(undefined, [], { timeout }) as string,
    get lost() {
      return isolate.isDisposed;
    },
    dispose() {
      if (!isolate.isDisposed) isolate.dispose();
    },
  };
}

function referencesIn(wrapper: ivm.Reference, names: (keyof Calls)[]): Calls {
  const entries = names.map(name => [name, wrapper.getSync(name, { reference: true })]);
  return Object.fromEntries(entries) as Calls;
}
