/**
 * One child process and the batches it is at work on. The child may die at any moment, by its own fault or not:
 * another takes its place, goes through what was unfinished one element at a time, and so finds the element
 * that kills it.
 */
import { SluiceError } from '../errors.ts';
import { FRAME, headerOf, jsonFrame, jsonIn, type LoadReply, type LoadRequest, wordAt } from './frames.ts';
import { failedPart, type Part, partIn } from './outcome.ts';
import { batchFrame, type Prepared } from './prepared.ts';
import { startChild } from './process.ts';
import { unwatch, type Watched, watch } from './watch.ts';

/** A child answers within the time that two calls may take, and this. */
const GRACE_MS = 3000;
/** Its scripts may take this long to load (the child itself gives up earlier), and fail to so often in a row. */
const LOAD_MS = 20_000;
const MAX_FAILED_STARTS = 4;
/** Node itself, buffers on both sides of the isolate, and what an isolate may take beyond its limit. */
const residentLimitMb = (memoryMb: number) => 256 + 2 * memoryMb;

export type Loaded = Extract<LoadReply, { function: string }>;

export interface Slot {
  /** How many batches it has been given and has not answered. */
  readonly pending: number;
  /** Settles when the scripts are loaded, or with a SluiceError when they cannot be. */
  readonly loaded: Promise<Loaded>;
  run(prepared: Prepared): Promise<Part[]>;
  /** Ends the child as soon as nothing is pending. */
  retire(): void;
  /** Resolves when the child is gone. */
  close(): Promise<void>;
}

interface Task {
  prepared: Prepared;
  parts: Part[];
  /** The first element without a result. */
  cursor: number;
  /** The element that the child at work knows as its first. */
  base: number;
  /** How often a child has died while it ran the element at the cursor by itself; absent: they run together. */
  deaths?: number;
  resolve(parts: Part[]): void;
  reject(error: unknown): void;
}

/** A slot with a child that loads the scripts. */
export function createSlot(request: Omit<LoadRequest, 'parentPid'>): Slot {
  const silenceMs = 3 * request.timeoutMs + GRACE_MS;
  const loadFrame = jsonFrame(FRAME.load, { ...request, parentPid: process.pid });
  const { promise: loaded, resolve: accept, reject: refuse } = Promise.withResolvers<Loaded>();
  loaded.catch(() => {});
  const tasks: Task[] = [];
  let failedStarts = 0;
  let ready = false;
  let retiring = false;
  let closed: SluiceError | undefined;
  let fault: 'UDF_TIMEOUT' | 'UDF_MEMORY' | undefined;
  let child = start();
  let watched = watching();

  return {
    get pending() {
      return tasks.length;
    },
    loaded,
    run: prepared =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(closed);
          return;
        }
        const task: Task = { prepared, parts: [], cursor: 0, base: 0, resolve, reject };
        tasks.push(task);
        if (tasks.length === 1 && ready) attend(silenceMs);
        send(task);
      }),
    retire() {
      retiring = true;
      if (tasks.length === 0) end(new SluiceError('INTERNAL', 'the UDF was closed'));
    },
    close() {
      end(new SluiceError('INTERNAL', 'the UDF was closed'));
      return child.exited;
    },
  };

  function start() {
    const started = startChild({ onFrame, onExit });
    started.send([loadFrame]);
    return started;
  }

  /** A new entry for the child: what it is watched for changes from one child to the next. */
  function watching(): Watched {
    const guard = (why: typeof fault) => () => {
      fault = why;
      child.kill();
    };
    const entry = {
      pid: child.pid,
      memoryMb: residentLimitMb(request.memoryMb),
      deadline: performance.now() + LOAD_MS,
      onSilent: guard('UDF_TIMEOUT'),
      onLarge: guard('UDF_MEMORY'),
    };
    watch(entry);
    return entry;
  }

  function attend(withinMs: number): void {
    watched.deadline = performance.now() + withinMs;
    watch(watched);
  }

  function send(task: Task): void {
    task.base = task.cursor;
    child.sendBatch(batchFrame(task.prepared, task.cursor, task.deaths !== undefined), tasks.length);
  }

  function onFrame(frame: Buffer): void {
    if (closed) return;
    attend(silenceMs);
    if (!ready) onLoaded(frame);
    else if (!onPart(frame)) child.kill();
    if (ready && tasks.length === 0) unwatch(watched);
  }

  function onLoaded(frame: Buffer): void {
    const reply = wordAt(headerOf(frame), 1) === FRAME.loaded ? (jsonIn(frame) as LoadReply) : undefined;
    if (reply === undefined) child.kill();
    else if ('code' in reply) end(new SluiceError(reply.code, reply.message));
    else {
      ready = true;
      failedStarts = 0;
      accept(reply);
    }
  }

  /** Takes a result; false when it is not one of the batch at work. */
  function onPart(frame: Buffer): boolean {
    const task = tasks[0];
    const part = wordAt(headerOf(frame), 1) === FRAME.result ? partIn(frame) : undefined;
    if (!task || !part || task.base + part.from !== task.cursor) return false;
    const left = task.prepared.count - task.cursor - part.lengths.length;
    if (left < 0 || part.final !== (left === 0) || part.lengths.length === 0) return false;
    advance(task, { ...part, from: task.cursor });
    return true;
  }

  function advance(task: Task, part: Part): void {
    task.parts.push(part);
    task.cursor += part.lengths.length;
    if (task.deaths !== undefined) task.deaths = 0;
    if (!part.final) return;
    tasks.shift();
    task.resolve(task.parts);
    if (retiring && tasks.length === 0) end(new SluiceError('INTERNAL', 'the UDF was closed'));
  }

  function onExit(how: string): void {
    unwatch(watched);
    if (closed) return;
    if (ready) blame();
    else if (++failedStarts >= MAX_FAILED_STARTS || (fault !== undefined && tasks.length === 0)) {
      end(new SluiceError('UDF_LOAD_FAILED', loadFault(how)));
      return;
    }
    ready = false;
    fault = undefined;
    if (closed) return;
    child = start();
    watched = watching();
    for (const task of tasks) send(task);
  }

  /** Decides what the death of the child means for the element it was at. */
  function blame(): void {
    const task = tasks[0];
    if (task === undefined) return;
    if (task.deaths === undefined) {
      task.deaths = 0;
      return;
    }
    // Killed by us, the element alone is the reason; else chance, or someone else, may have killed the child once.
    if (fault === undefined && ++task.deaths < 2) return;
    const final = task.cursor + 1 === task.prepared.count;
    advance(task, failedPart(task.cursor, fault ?? 'UDF_KILLED', final));
  }

  function loadFault(how: string): string {
    if (fault === 'UDF_MEMORY') return `loading needed more than ${request.memoryMb} MB`;
    if (fault === 'UDF_TIMEOUT') return 'loading did not end in time';
    return `the process that runs the UDF ended while loading it: ${how}`;
  }

  function end(error: SluiceError): void {
    if (closed) return;
    closed = error;
    unwatch(watched);
    child.kill();
    refuse(error);
    for (const task of tasks.splice(0)) task.reject(error);
  }
}
