/**
 * What a source, a transform and a sink are: one declared object each, which gives a component's name,
 * documentation, config schema, examples and factory. The registry, the docs and the validation read it.
 */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts';
import type { Config } from '../config.ts';
import type { Batch } from './batch.ts';
import type { Backlog } from './gauges.ts';

/**
 * What the elements of a stream are: `text` is a row of one field, held as its raw bytes; `row` is a JSON object,
 * held as its text; `failure` is an original payload with the reason it failed (see `Batch.failures`).
 */
export type ElementType =
  | { form: 'text'; field: string }
  /** `fields`: those that each row has, and no others, in this order; absent: not known before the rows are there. */
  | { form: 'row'; fields?: readonly string[] }
  | { form: 'failure' };

/** How event time is cut up; `latenessMs`: how long after its end a window still takes elements. */
export type Windowing =
  | { type: 'global' }
  | { type: 'fixed'; sizeMs: number; offsetMs: number; latenessMs?: number }
  | { type: 'sliding'; sizeMs: number; periodMs: number; offsetMs: number; latenessMs?: number }
  | { type: 'sessions'; gapMs: number; latenessMs?: number };

/** What a further output is called in the graph and in `Outcome.named`, where `errors` is that of failed elements. */
export const outputKey = (name: string): string => (name === 'errors' ? '.errors' : name);

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** What a component may know of the job it runs in. */
export interface StageContext {
  /** Full name of the stage, e.g. `chain/JavaScriptUdf`: unique in the pipeline and the same after a restart. */
  stage: string;
  jobId: string;
  /** The job and the stage that its state is kept under: those that began it, whatever job has taken it over since. */
  keptAs: { jobId: string; stage: string };
  templateId?: string;
  config: Config;
  /** This worker's number and how many share the job: a source reads its share of the input. */
  worker: { index: number; count: number };
  streaming: boolean;
  /** True for a stage that only failed elements reach. */
  deadLetter: boolean;
  /** What the first input carries; absent for a source. */
  input?: ElementType;
  /** Every input with the name the pipeline gave it, if any. */
  inputs: readonly { name?: string; type: ElementType }[];
  windowing: Windowing;
  /** The job's own folder, absolute: a stage may keep files under `stages/<stage>/` there. */
  jobDirectory: string;
  /** What `snapshot` or `prepare` gave at the checkpoint the job resumes from. */
  restored?: Json;
  /** Tells the user something; warnings are shown, details only in the log. */
  report(severity: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR', text: string): void;
}

/** Reads the outside. Calls never overlap. */
export interface Source {
  /**
   * The next elements, `idle` when `signal` interrupted the wait for them, or `end` when there are no more.
   * Everything returned counts as processed by the next `snapshot`.
   */
  read(signal: AbortSignal): Promise<Batch | 'idle' | 'end'>;
  /** No later element will be older than this (ms since the epoch; -Infinity: not known). */
  watermark(): number;
  /** The position after the last batch read, for the checkpoint. Called only while nothing is in flight. */
  snapshot(): Json;
  /** What is still to be read, as far as it is known; cheap, for it is asked twice a second. */
  backlog?(): Backlog | undefined;
  /** The last snapshot is durable, and so is everything read before it: the outside may forget it. */
  acknowledge?(): Promise<void>;
  /** Gives up what was read and not acknowledged; `ended` tells that the job is over and will not resume. */
  close(ended: boolean): Promise<void>;
}

/**
 * What became of the elements of one batch: `in = good + named + failed + filtered + merged - created`, where `created`
 * is what came out beyond one for one, and `merged` what went into a state that gives other elements later.
 */
export interface Outcome {
  good: Batch[];
  /** Elements for further outputs, by name: the parts of a partition, late data. */
  named?: Record<string, Batch[]>;
  failed?: Batch;
  filtered?: number;
  created?: number;
  merged?: number;
  /** How many of the elements came after their window had closed; each of them is filtered, or in `named`. */
  late?: number;
}

/** Turns batches into batches. */
export interface Transform {
  /** How many batches may be under way at once (default 1); the order of the output is that of the input. */
  readonly concurrency?: number;
  /** @param input which of its inputs the batch came on, as in `StageContext.inputs` */
  process(batch: Batch, input?: number): Outcome | Promise<Outcome>;
  /**
   * No later element is older than this; Infinity: there are no more. Gives what windows that closed amount to: all
   * at once, or piece by piece, each of which waits until there is room for it.
   */
  advance?(watermark: number): Outcome | Promise<Outcome> | AsyncIterable<Outcome>;
  /** What a restart needs to go on from here. Called only while nothing is in flight. */
  snapshot?(): Json | Promise<Json>;
  /** The last snapshot is in the checkpoint: what only earlier ones needed may go. */
  commit?(): Promise<void>;
  /** `ended`: the job is over and will not resume; absent: the same. */
  close?(ended?: boolean): Promise<void>;
}

/** Writes to the outside, in two steps: nothing is seen there before `commit`, where the outside allows it. */
export interface Sink {
  /** How many batches may be under way at once (default 1): those of one that waits for answers of the outside. */
  readonly concurrency?: number;
  /** Takes the elements; those the outside refuses for good come back as `failed`; `late`: how many came too late. */
  write(batch: Batch): Promise<{ failed?: Batch; late?: number } | undefined>;
  /** No later element is older than this, but for late ones; Infinity: there are no more. */
  advance?(watermark: number): void;
  /** Makes everything written so far durable, and gives what a restart needs to go on from here. */
  prepare(): Promise<Json>;
  /** The last `prepare` is in the checkpoint: publishes what it sealed. Repeatable, also after a restart. */
  commit(): Promise<void>;
  /** `ended`: the job is over and will not resume; removes what only a resume would need. */
  close(ended: boolean): Promise<void>;
  /** What was made, for the summary: paths or names, after the last commit. */
  outputs?(): string[];
}

export interface Example {
  title: string;
  /** A pipeline in Beam YAML, run by the tests when `output` is given. */
  yaml: string;
  /** What the pipeline gives, a line per element. */
  output?: string[];
}

/** What a component needs beyond its job: a container is given that, and nothing else. */
export interface Reach {
  /** Files and patterns that it reads, as its config has them. */
  reads?: readonly (string | undefined)[];
  /** Folders that it writes to. */
  writes?: readonly string[];
  /** Tables, and queries over tables. */
  tables?: readonly (string | undefined)[];
  queries?: readonly (string | undefined)[];
  /** It uses Pub/Sub. */
  topics?: true;
  /** It connects to what its config names. */
  network?: true;
}

interface Declaration<Schema> {
  /** The `type` a pipeline calls it by. */
  name: string;
  summary: string;
  description?: string;
  config: Schema;
  examples: Example[];
}

export interface SourceComponent<Schema = object, Config = unknown> extends Declaration<Schema> {
  kind: 'source';
  /** What it reads from, as people call it: Kafka, Files. */
  system?: string;
  output(config: Config): ElementType;
  /** Checks what can be checked and opens the source; throws a SluiceError that names what is wrong. */
  open(config: Config, context: StageContext): Promise<Source>;
  /** Absent: nothing. */
  reach?(config: Config): Reach;
  /** True when it never ends by itself, always or with this config. */
  streaming?: boolean | ((config: Config) => boolean);
}

export interface TransformComponent<Schema = object, Config = unknown> extends Declaration<Schema> {
  kind: 'transform';
  /** What it gives for what it gets; throws a SluiceError where it cannot take that. `inputs`: all there are. */
  output(input: ElementType, config: Config, inputs: StageContext['inputs']): ElementType;
  /** The windowing of its output, where it sets one. */
  window?(config: Config): Windowing;
  /** What of its config the state in its checkpoints depends on; absent: another job takes over none from it. */
  state?(config: Config): object;
  /** `many`: its inputs are merged; `named`: it tells them apart by the names they are given; absent: it takes one. */
  inputs?: 'many' | 'named';
  /** It must see all there is, so that workers cannot share a job that has it. */
  whole?: true;
  /** With `named`: a single input needs no name. */
  unnamed?: true;
  /**
   * The names of its outputs, where it has others than `good`, which is among them if it can be read. Elements for
   * `good` leave as `Outcome.good`, all others as `Outcome.named`; an output may be left unread.
   */
  outputs?(config: Config): string[];
  open(config: Config, context: StageContext): Promise<Transform>;
  /** Absent: nothing. */
  reach?(config: Config): Reach;
}

export interface SinkComponent<Schema = object, Config = unknown> extends Declaration<Schema> {
  kind: 'sink';
  /** What it writes to, as people call it. */
  system?: string;
  /** With its usual config each element is there once, wherever a worker was killed; absent: at least once. */
  once?: true;
  /** Throws a SluiceError where it cannot take that; absent: it takes everything. */
  accept?(input: ElementType, config: Config): void;
  /**
   * The config with which another job writes beside what the first one has written, without touching it; `label` is
   * safe in a name and nobody else's. Absent: with the same config it does.
   */
  beside?(config: Config, label: string): Config;
  open(config: Config, context: StageContext): Promise<Sink>;
  /** Absent: nothing. */
  reach?(config: Config): Reach;
}

export type Component = SourceComponent | TransformComponent | SinkComponent;

/** What a config that its schema has accepted looks like. */
type ConfigOf<Schema> = Schema extends JSONSchema ? FromSchema<Schema> : never;

/** Declares a source; the type of its config derives from its schema. */
export function defineSource<const Schema extends object>(
  declaration: Omit<SourceComponent<Schema, ConfigOf<Schema>>, 'kind'>,
): SourceComponent {
  return { kind: 'source', ...declaration } as unknown as SourceComponent;
}

/** Declares a transform; the type of its config derives from its schema. */
export function defineTransform<const Schema extends object>(
  declaration: Omit<TransformComponent<Schema, ConfigOf<Schema>>, 'kind'>,
): TransformComponent {
  return { kind: 'transform', ...declaration } as unknown as TransformComponent;
}

/** Declares a sink; the type of its config derives from its schema. */
export function defineSink<const Schema extends object>(
  declaration: Omit<SinkComponent<Schema, ConfigOf<Schema>>, 'kind'>,
): SinkComponent {
  return { kind: 'sink', ...declaration } as unknown as SinkComponent;
}
