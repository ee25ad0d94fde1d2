/**
 * Runs a graph in this process: pumps its sources through the stages, takes checkpoints, stops on demand, and ends
 * with the books. A checkpoint pauses the sources and waits until nothing is in flight; then it is a consistent cut:
 * sinks make durable what they hold, the checkpoint is written, sinks publish, sources are acknowledged.
 */
import { asSluiceError, SluiceError } from '../errors.ts';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import type { Json, Sink, Source } from './component.ts';
import { type Counters, findImbalances } from './counters.ts';
import { crashPoint } from './crash-point.ts';
import { type Gauges, sumBacklogs } from './gauges.ts';
import type { Graph } from './graph.ts';
import { close, type OpenStage, openStages, type PipelineOptions } from './open.ts';
import { type Pump, startPump } from './pump.ts';
import { advance, connectStages, emit, Flight, runTransform, type Stage, workInOrder } from './stage.ts';

/** `HANDED_OVER`: another pipeline goes on from the last checkpoint. */
export type EndState = 'DONE' | 'DRAINED' | 'CANCELLED' | 'HANDED_OVER';

export interface RunningPipeline {
  /** How the pipeline ended; rejects with what failed it. */
  readonly ended: Promise<EndState>;
  /** Stops reading, and ends once everything read is written. */
  drain(): void;
  /** Stops at once; what is not yet published is given up. */
  cancel(): void;
  /** Ends with a checkpoint that another pipeline goes on from: windows stay open, and nothing of them is removed. */
  handOver(): void;
  counters(): Counters;
  /** The least watermark of the sinks, ms since the epoch. */
  watermark(): number;
  gauges(): Gauges;
  /** What the sinks have made so far. */
  outputs(): string[];
}

/** A streaming source is acknowledged at this rate; a bounded one loses only time when it starts again earlier. */
const CHECKPOINT_MS = { streaming: 1000, bounded: 5000 };
/** Unacknowledged elements are held by the outside: let them not grow beyond this. */
const CHECKPOINT_ELEMENTS = 50_000;
/** A share of failures means little before this many elements. */
const THRESHOLD_ELEMENTS = 1000;

/** Opens every stage (refusing what cannot work before anything is read), then sets the pipeline going. */
export async function startPipeline(graph: Graph, options: PipelineOptions): Promise<RunningPipeline> {
  const restored = await loadCheckpoint(options.directory);
  const stages = connectStages(graph.nodes, restored?.counters ?? {});
  const opened = await (restored?.ended ? openEnded : openStages)(stages, options, restored);
  return new Pipeline(graph, stages, opened, options, restored?.ended).run(restored !== undefined);
}

/** Of a pipeline that had come to its end only the sinks are needed, and the sources for as far as they are still there. */
async function openEnded(
  stages: Stage[],
  options: PipelineOptions,
  restored?: Checkpoint,
): Promise<OpenStage[]> {
  const sinks = await openStages(stages, options, restored, ['sink']);
  const sources = await openStages(stages, options, restored, ['source']).catch(() => []);
  return [...sources, ...sinks];
}

class Pipeline {
  readonly #graph: Graph;
  readonly #stages: Stage[];
  readonly #opened: OpenStage[];
  readonly #options: PipelineOptions;
  readonly #sources: Source[];
  readonly #sinks: Sink[];
  readonly #flight = new Flight();
  #pumps: Pump[] = [];
  #hasCheckpoint = false;
  #lastCheckpoint = '';
  #readSince = 0;
  /** When the first element was read that is not yet durable, ms since the epoch; 0: there is none. */
  #waitingSince = 0;
  #latencyMs: number | undefined;
  #endedBefore: 'DONE' | 'DRAINED' | undefined;
  #stopped = false;
  #handingOver = false;
  readonly #cancelled: Promise<'CANCELLED'>;
  #cancel: () => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #wake: () => void = () => {};
  /** Nothing more is read: the sources have ended, or one has failed. */
  #end: { error?: unknown } | undefined;

  constructor(
    graph: Graph,
    stages: Stage[],
    opened: OpenStage[],
    options: PipelineOptions,
    ended?: 'DONE' | 'DRAINED',
  ) {
    this.#graph = graph;
    this.#stages = stages;
    this.#opened = opened;
    this.#options = options;
    this.#sources = opened.flatMap(({ part }) => (part.kind === 'source' ? [part.source] : []));
    this.#sinks = opened.flatMap(({ part }) => (part.kind === 'sink' ? [part.sink] : []));
    this.#endedBefore = ended;
    this.#cancelled = new Promise(resolve => (this.#cancel = () => resolve('CANCELLED')));
  }

  run(restored: boolean): RunningPipeline {
    this.#hasCheckpoint = restored;
    const ended = this.#runToTheEnd();
    return {
      ended,
      drain: () => this.#stop(),
      cancel: () => {
        this.#stop();
        this.#cancel();
      },
      handOver: () => {
        this.#handingOver = true;
        this.#wake();
      },
      counters: () => this.#counters(),
      watermark: () => Math.min(...this.#stages.filter(isSink).map(stage => stage.watermark)),
      gauges: () => this.#gauges(),
      outputs: () => this.#sinks.flatMap(sink => sink.outputs?.() ?? []),
    };
  }

  async #runToTheEnd(): Promise<EndState> {
    try {
      await this.#commit();
      const state = this.#endedBefore ?? (await this.#flow());
      this.#closeQueues();
      await this.#close(state !== 'HANDED_OVER');
      if (state !== 'CANCELLED') this.#checkBooks();
      return state;
    } catch (error) {
      this.#closeQueues();
      // What a checkpoint knows of is kept: the job can be resumed.
      await this.#close(!this.#hasCheckpoint).catch(() => {});
      throw asSluiceError(error);
    }
  }

  /** Runs the stages until the sources end or someone stops them. */
  async #flow(): Promise<EndState> {
    const failed = new Promise<never>((_, reject) => (this.#fail = reject));
    failed.catch(() => {});
    const work = this.#opened.flatMap(({ stage, part }) => {
      if (part.kind === 'sink') return [this.#runSink(stage, part.sink)];
      return part.kind === 'transform' ? [runTransform(stage, part.transform, this.#flight)] : [];
    });
    for (const each of work) each.catch(this.#fail);
    this.#pumps = this.#opened.flatMap(({ stage, part }) =>
      part.kind === 'source'
        ? [startPump(stage, part.source, this.#flight, elements => this.#noteRead(elements))]
        : [],
    );
    for (const pump of this.#pumps) pump.finished.catch(this.#fail);
    if (this.#stopped) this.#stop();
    return Promise.race([failed, this.#cancelled, this.#untilEnded()]);
  }

  async #untilEnded(): Promise<EndState> {
    const note = (end: { error?: unknown }) => {
      this.#end = end;
      this.#wake();
    };
    Promise.all(this.#pumps.map(pump => pump.finished)).then(
      () => note({}),
      error => note({ error }),
    );
    while (!(await this.#untilDue())) {
      const isLast = this.#handingOver;
      await this.#checkpoint();
      if (isLast) return 'HANDED_OVER';
      for (const pump of this.#pumps) pump.resume();
    }
    await this.#flight.empty();
    const state = this.#pumps.every(pump => pump.exhausted) ? 'DONE' : 'DRAINED';
    await this.#checkpoint(state);
    return state;
  }

  /** Waits until a checkpoint is due; true when there is nothing more to read. @throws what a source has failed with */
  async #untilDue(): Promise<boolean> {
    const { streaming, config } = this.#options;
    const everyMs = config.checkpointMs ?? CHECKPOINT_MS[streaming ? 'streaming' : 'bounded'];
    this.#readSince = 0;
    if (!this.#end)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, this.#handingOver ? 0 : everyMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    if (this.#end && 'error' in this.#end) throw this.#end.error;
    return this.#end !== undefined;
  }

  #noteRead(elements: number): void {
    this.#readSince += elements;
    this.#waitingSince ||= Date.now();
    if (this.#options.streaming && this.#readSince >= CHECKPOINT_ELEMENTS) this.#wake();
  }

  /** Leaves the sources paused. */
  async #checkpoint(ended?: 'DONE' | 'DRAINED'): Promise<void> {
    await Promise.all(this.#pumps.map(pump => pump.pause()));
    await this.#flight.empty();
    this.#checkThresholds(ended !== undefined);
    crashPoint('checkpoint.quiesced');
    const stages: Record<string, Json> = Object.create(null);
    for (const { stage, part } of this.#opened) stages[stage.node.id] = await snapshot(part);
    crashPoint('checkpoint.prepared');
    const checkpoint = { stages, counters: this.#counters(), ...(ended && { ended }) };
    const text = JSON.stringify(checkpoint);
    if (text !== this.#lastCheckpoint) {
      await saveCheckpoint(this.#options.directory, checkpoint);
      this.#lastCheckpoint = text;
      this.#hasCheckpoint = true;
      crashPoint('checkpoint.saved');
      await this.#commit();
      crashPoint('checkpoint.committed');
      for (const source of this.#sources) await source.acknowledge?.();
      crashPoint('source.acknowledged');
      if (this.#waitingSince > 0) this.#latencyMs = Date.now() - this.#waitingSince;
      this.#waitingSince = 0;
    }
  }

  async #commit(): Promise<void> {
    for (const { part } of this.#opened) {
      if (part.kind === 'sink') await part.sink.commit();
      else if (part.kind === 'transform') await part.transform.commit?.();
    }
  }

  #runSink(stage: Stage, sink: Sink): Promise<void> {
    return workInOrder<Written>(
      stage,
      sink.concurrency,
      ({ batch }) => batch && sink.write(batch),
      async (item, result) => {
        const { batch } = item;
        const moved = advance(stage, item);
        if (moved) sink.advance?.(stage.watermark);
        const failed = result?.failed;
        if (batch || moved) await emit(stage, batch, { good: [], failed }, this.#flight);
        if (batch) stage.counters.out += batch.count - (failed?.count ?? 0);
        stage.counters.late += result?.late ?? 0;
        crashPoint('stage.write');
        this.#flight.land();
      },
    );
  }

  #stop(): void {
    this.#stopped = true;
    for (const pump of this.#pumps) pump.stop();
  }

  async #close(ended: boolean): Promise<void> {
    for (const { part } of this.#opened.toReversed()) await close(part, ended);
  }

  #checkThresholds(final: boolean): void {
    for (const { node, counters } of this.#stages) {
      const threshold = node.errorHandling?.threshold;
      if (threshold === undefined || (!final && counters.in < THRESHOLD_ELEMENTS)) continue;
      if (counters.failed > threshold * counters.in) {
        throw new SluiceError(
          'ERROR_THRESHOLD',
          `${node.id}: ${counters.failed} of ${counters.in} elements failed, more than the threshold of ${threshold}`,
        );
      }
    }
  }

  #checkBooks(): void {
    const faults = findImbalances(this.#graph, this.#counters());
    if (faults.length > 0)
      throw new SluiceError('BOOKS_UNBALANCED', `the books do not balance: ${faults.join('; ')}`);
  }

  #counters(): Counters {
    return Object.fromEntries(this.#stages.map(({ node, counters }) => [node.id, counters]));
  }

  #gauges(): Gauges {
    const backlog = sumBacklogs(this.#sources.flatMap(source => source.backlog?.() ?? []));
    return {
      busyMs: Object.fromEntries(this.#stages.map(({ node, busyMs }) => [node.id, Math.round(busyMs)])),
      ...(this.#latencyMs !== undefined && { latencyMs: this.#latencyMs }),
      ...(backlog && { backlog }),
    };
  }

  #closeQueues(): void {
    for (const stage of this.#stages) stage.inbox.close();
  }
}

type Written = Awaited<ReturnType<Sink['write']>>;

const isSink = ({ node }: Stage): boolean => node.component.kind === 'sink';

async function snapshot(part: OpenStage['part']): Promise<Json> {
  if (part.kind === 'source') return part.source.snapshot();
  if (part.kind === 'sink') return part.sink.prepare();
  return (await part.transform.snapshot?.()) ?? null;
}
