/** Opens the Pub/Sub source and sink as the engine does. */
import type { TestContext } from 'node:test';
import type { Config } from '../../src/config.ts';
import { readFromPubSub, writeToPubSub } from '../../src/connectors/pubsub/index.ts';
import { type Batch, payloadOf } from '../../src/engine/batch.ts';
import type {
  ElementType,
  Json,
  Sink,
  SinkComponent,
  Source,
  SourceComponent,
  StageContext,
} from '../../src/engine/component.ts';
import { atEnd } from './at-end.ts';
import { contextOf } from './pipeline.ts';

interface PartOptions {
  restored?: Json;
  jobId?: string;
  input?: ElementType;
  reports?: string[];
}

export async function openSource(
  t: TestContext,
  config: Config,
  settings: object,
  options: PartOptions = {},
): Promise<Source> {
  const source = await (readFromPubSub as SourceComponent).open(settings, context(config, 'Read', options));
  atEnd(t, () => source.close(true).catch(() => {}));
  return source;
}

export async function openSink(
  t: TestContext,
  config: Config,
  settings: object,
  options: PartOptions = {},
): Promise<Sink> {
  const sink = await (writeToPubSub as SinkComponent).open(settings, context(config, 'Write', options));
  atEnd(t, () => sink.close(true).catch(() => {}));
  return sink;
}

function context(
  config: Config,
  stage: string,
  { jobId = 'job', reports, ...more }: PartOptions,
): StageContext {
  return contextOf(config.home, {
    stage,
    jobId,
    config,
    streaming: true,
    jobDirectory: `${config.home}/jobs/${jobId}`,
    report: (severity, text) => reports?.push(`${severity} ${text}`),
    ...more,
  });
}

/** Reads until there are `count` elements, in at most ten seconds. */
export async function readCount(source: Source, count: number): Promise<Batch[]> {
  const signal = AbortSignal.timeout(10_000);
  const batches: Batch[] = [];
  for (let read = 0; read < count; ) {
    const got = await source.read(signal);
    if (typeof got === 'string') throw new Error(`only ${read} of ${count} elements came`);
    batches.push(got);
    read += got.count;
  }
  return batches;
}

/** What the source still gives within this time. */
export async function readFor(source: Source, milliseconds: number): Promise<Batch[]> {
  const signal = AbortSignal.timeout(milliseconds);
  const batches: Batch[] = [];
  for (;;) {
    const got = await source.read(signal);
    if (typeof got === 'string') return batches;
    batches.push(got);
  }
}

export const payloads = (batches: readonly Batch[]): string[] =>
  batches.flatMap(batch => Array.from({ length: batch.count }, (_, i) => payloadOf(batch, i).toString()));
