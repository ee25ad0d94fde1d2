/**
 * Elements by key and window, until their window closes: the part that all groupings share. It knows when something
 * may close without looking at everything: each window by its end, sessions by the least end among them.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Json, StageContext, Windowing } from '../../engine/component.ts';
import { BEGINNING_OF_TIME, END_OF_TIME, latenessOf, type Window } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import type { RowValue } from '../../formats/rows.ts';
import type { Accumulator, State } from './accumulators.ts';
import { type Cell, Cells, type Fragment, fragmentStates, isSessions, statesOf } from './cells.ts';
import { GroupState, type StoredState, type Sweep } from './state.ts';

export interface GroupingSettings {
  accumulators: readonly Accumulator[];
  /** True: a window gives its result at its end, and again when late elements change it; false: once, after them. */
  amends: boolean;
  /** What the state may hold in memory, bytes. */
  maxBytes?: number;
}

/** A key whose window has closed. */
export interface Closed {
  key: string;
  window: Window;
  states: State[];
}

interface Bucket {
  window: Window;
  /** When something is to be done about it. */
  due: number;
  fired: boolean;
}

type Snapshot = {
  state: StoredState;
  /** Null: none yet; true: the end of time. */
  watermark: number | null | true;
  fired: string[];
  dirty: string[];
  sessionsDue: number | null;
};

const SESSIONS = 'sessions';
/** A sweep over what changes little is made this much rarer than it is long. */
const PACE = 10;
/** Sweeps shorter than this are made whenever they are due, ms. */
const QUICK_MS = 5;
/** What the cell of a window takes beside its lists, bytes. */
const CELL_BYTES = 40;

export class Grouping {
  readonly #windowing: Windowing;
  readonly #latenessMs: number;
  readonly #amends: boolean;
  readonly #cells: Cells;
  readonly #state: GroupState<Cell>;
  readonly #cellBytes: number;
  readonly #buckets = new Map<string, Bucket>();
  #watermark = BEGINNING_OF_TIME;
  #due = END_OF_TIME;
  #sessionsDue = Number.POSITIVE_INFINITY;
  #pausedUntil = 0;
  #last: { window: Window; id: string } | undefined;

  /** @throws SluiceError when several workers share the job, or its files lack what the checkpoint promises */
  constructor({ accumulators, amends, maxBytes }: GroupingSettings, context: StageContext) {
    const { stage, keptAs, windowing, worker, jobDirectory } = context;
    if (worker.count > 1)
      throw new SluiceError(
        'PARAMETERS_INVALID',
        `${stage} groups all there is, which ${worker.count} workers each see a part of: run the job with one worker`,
      );
    this.#windowing = windowing;
    this.#latenessMs = latenessOf(windowing);
    this.#amends = amends;
    this.#cells = new Cells(accumulators, this.#latenessMs);
    this.#cellBytes = CELL_BYTES + 16 * accumulators.length;
    const restored = (context.restored ?? undefined) as Snapshot | undefined;
    const name = createHash('sha256').update(keptAs.stage).digest('hex').slice(0, 16);
    this.#state = new GroupState<Cell>(
      {
        folder: join(jobDirectory, 'stages', name),
        merge: (older, newer) => this.#cells.merge(older, newer),
        ...(maxBytes !== undefined && { maxBytes }),
      },
      restored?.state,
    );
    if (restored) this.#restore(restored);
  }

  /** True when the window takes no more elements. */
  isLate({ end }: Window): boolean {
    return end + this.#latenessMs <= this.#watermark;
  }

  /** Adds the values of an element, one for each accumulator, undefined where there is none. */
  add(window: Window, key: string, values: readonly (RowValue | undefined)[]): void {
    if (this.#windowing.type === 'sessions' && window.end !== END_OF_TIME) {
      const known = this.#state.get(SESSIONS, key) as Fragment[] | undefined;
      const fragments = known ?? [];
      const grown = this.#cells.addToSessions(fragments, window, this.#watermark, values);
      this.#sessionsDue = Math.min(this.#sessionsDue, window.end + (this.#amends ? 0 : this.#latenessMs));
      if (!known || grown > 0) this.#state.put(SESSIONS, key, fragments, grown);
      return;
    }
    const bucket = this.#bucketOf(window);
    const known = this.#state.get(bucket, key) as [0 | 1, ...State[]] | undefined;
    const cell = known ?? this.#cells.windowCell();
    const grown = this.#cells.addToWindow(cell, values);
    if (!known || grown > 0) this.#state.put(bucket, key, cell, grown + (known ? 0 : this.#cellBytes));
  }

  /** What closes as no later element is older than `watermark`. */
  *advance(watermark: number): Generator<Closed> {
    // A source that starts again may know less of the time than it did.
    this.#watermark = Math.max(watermark, this.#watermark);
    if (this.#watermark >= this.#due) yield* this.#closeWindows();
    if (this.#watermark >= this.#sessionsDue && this.#mayLinger()) yield* this.#closeSessions();
  }

  async snapshot(): Promise<Json> {
    const watermark = this.#watermark;
    const fired = [...this.#buckets].filter(([, each]) => each.fired);
    const snapshot: Snapshot = {
      state: await this.#state.snapshot(),
      watermark: watermark === END_OF_TIME ? true : watermark === BEGINNING_OF_TIME ? null : watermark,
      fired: fired.map(([id]) => id),
      dirty: fired.flatMap(([id, { due }]) => (due === BEGINNING_OF_TIME ? id : [])),
      sessionsDue: this.#sessionsDue === END_OF_TIME ? null : this.#sessionsDue,
    };
    return snapshot;
  }

  commit(): Promise<void> {
    return this.#state.commit();
  }

  close(ended?: boolean): Promise<void> {
    return this.#state.close(ended);
  }

  #restore({ watermark, fired, dirty, sessionsDue }: Snapshot): void {
    this.#watermark = watermark === true ? END_OF_TIME : (watermark ?? BEGINNING_OF_TIME);
    this.#sessionsDue = sessionsDue ?? END_OF_TIME;
    for (const id of this.#state.buckets()) {
      if (id === SESSIONS) continue;
      const [start, end] = id.split(':').map(Number);
      const bucket = { window: { start: start ?? 0, end: end ?? 0 }, due: 0, fired: fired.includes(id) };
      bucket.due = dirty.includes(id) ? BEGINNING_OF_TIME : this.#dueOf(bucket);
      this.#buckets.set(id, bucket);
      this.#due = Math.min(this.#due, bucket.due);
    }
  }

  #bucketOf(window: Window): string {
    const last = this.#last;
    const isLast = last && last.window.start === window.start && last.window.end === window.end;
    const id = isLast ? last.id : `${window.start}:${window.end}`;
    if (!isLast) this.#last = { window, id };
    const known = this.#buckets.get(id);
    if (known && !known.fired) return id;
    const bucket = known ?? { window, due: 0, fired: false };
    bucket.due = known ? BEGINNING_OF_TIME : this.#dueOf(bucket);
    this.#buckets.set(id, bucket);
    this.#due = Math.min(this.#due, bucket.due);
    return id;
  }

  #dueOf({ window, fired }: Bucket): number {
    return fired || !this.#amends ? window.end + this.#latenessMs : window.end;
  }

  *#closeWindows(): Generator<Closed> {
    for (const [id, bucket] of [...this.#buckets].sort(([, a], [, b]) => a.window.end - b.window.end)) {
      if (bucket.due > this.#watermark) continue;
      const expired = bucket.window.end + this.#latenessMs <= this.#watermark;
      const isAmended = bucket.fired && bucket.due === BEGINNING_OF_TIME;
      if (isAmended && !expired && !this.#mayLinger()) continue;
      if (!bucket.fired || isAmended) {
        const started = performance.now();
        yield* this.#closeWindow(id, bucket.window, expired);
        if (isAmended) this.#pace(started);
      }
      if (expired) {
        this.#state.drop(id);
        this.#buckets.delete(id);
      } else {
        bucket.fired = true;
        bucket.due = this.#dueOf(bucket);
      }
    }
    this.#due = [...this.#buckets.values()].reduce((least, { due }) => Math.min(least, due), END_OF_TIME);
  }

  *#closeWindow(id: string, window: Window, expired: boolean): Generator<Closed> {
    const sweep = this.#state.sweep(id);
    for (const [key, cell] of sweep.entries()) {
      if (isSessions(cell)) continue;
      if (cell[0] === 0) yield { key, window, states: statesOf(cell) };
      cell[0] = 1;
      if (!expired) sweep.keep(key, cell);
    }
    sweep.finish();
  }

  /** Sweeps all sessions: those that have closed are given, the others stay. */
  *#closeSessions(): Generator<Closed> {
    const started = performance.now();
    this.#sessionsDue = END_OF_TIME;
    const sweep = this.#state.sweep(SESSIONS);
    for (const [key, cell] of sweep.entries())
      if (isSessions(cell)) yield* this.#closeSessionsOf(key, cell, sweep);
    sweep.finish();
    this.#pace(started);
  }

  *#closeSessionsOf(key: string, fragments: Fragment[], sweep: Sweep<Cell>): Generator<Closed> {
    const open: Fragment[] = [];
    for (const session of this.#cells.settle(fragments)) {
      const [start, end, , fired] = session;
      const expires = end + this.#latenessMs;
      const isDue = (this.#amends ? end : expires) <= this.#watermark;
      if (isDue && fired === 0) yield { key, window: { start, end }, states: fragmentStates(session) };
      if (isDue) session[3] = 1;
      if (expires <= this.#watermark) continue;
      open.push(session);
      this.#sessionsDue = Math.min(this.#sessionsDue, isDue || !this.#amends ? expires : end);
    }
    if (open.length > 0) sweep.keep(key, open);
  }

  /** False while a sweep over what changes little would come too soon after the last. */
  #mayLinger(): boolean {
    return this.#watermark === END_OF_TIME || performance.now() >= this.#pausedUntil;
  }

  #pace(started: number): void {
    const now = performance.now();
    if (now - started > QUICK_MS) this.#pausedUntil = now + PACE * (now - started);
  }
}
