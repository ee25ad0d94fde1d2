import { type Batch, batchOf, type Failure, payloadOf, selectElements } from '../../src/engine/batch.ts';
import type { Component, ElementType, Json, StageContext } from '../../src/engine/component.ts';
import { type RunningPipeline, startPipeline } from '../../src/engine/engine.ts';
import type { Graph, GraphNode } from '../../src/engine/graph.ts';

const text: ElementType = { form: 'text', field: 'line' };

/** A graph node with everything at its plainest. */
export function node(
  id: string,
  component: Component,
  inputs: string[] = [],
  more: Partial<GraphNode> = {},
): GraphNode {
  const links = inputs.map(name => {
    const [from = '', output = 'good'] = name.split('.');
    return { from, output };
  });
  return {
    id,
    component,
    config: {},
    inputs: links,
    input: text,
    output: text,
    windowing: { type: 'global' },
    deadLetter: false,
    ...more,
  };
}

export interface StartOptions {
  directory: string;
  streaming?: boolean;
  worker?: { index: number; count: number };
  jobId?: string;
  home?: string;
  onReport?: (severity: string, message: string) => void;
}

export function start(nodes: GraphNode[], options: StartOptions): Promise<RunningPipeline> {
  const {
    directory,
    streaming = false,
    worker = { index: 0, count: 1 },
    jobId = 'job',
    home = directory,
  } = options;
  const graph: Graph = { nodes };
  return startPipeline(graph, {
    jobId,
    config: { home },
    directory,
    worker,
    streaming,
    report: (severity, message) => options.onReport?.(severity, message),
  });
}

/** What a context of these settings looks like to a component. */
export function contextOf(directory: string, more: Partial<StageContext> = {}): StageContext {
  const { stage = 'Stage', jobId = 'job' } = more;
  return {
    stage,
    jobId,
    keptAs: { jobId, stage },
    config: { home: directory },
    worker: { index: 0, count: 1 },
    streaming: false,
    deadLetter: false,
    input: text,
    inputs: [{ type: text }],
    windowing: { type: 'global' },
    jobDirectory: directory,
    report: () => {},
    ...more,
  };
}

/** The payloads of a batch as text. */
export function textsOf(batch: Batch): string[] {
  return Array.from({ length: batch.count }, (_, i) => payloadOf(batch, i).toString());
}

/** A source of these batches, which then ends, or waits to be stopped. */
export function sourceOf(batches: string[][], { endless = false }: { endless?: boolean } = {}): Component {
  return {
    kind: 'source',
    name: 'TestSource',
    summary: '',
    config: {},
    examples: [],
    output: () => text,
    open: async (_config, { restored }) => {
      let next = typeof restored === 'number' ? restored : 0;
      return {
        async read(signal) {
          const batch = batches[next];
          if (batch) {
            next++;
            return batchOf(batch);
          }
          if (!endless) return 'end';
          if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve));
          return 'idle';
        },
        watermark: () => Number.NEGATIVE_INFINITY,
        snapshot: (): Json => next,
        close: async () => {},
      };
    },
  };
}

/** A transform that gives for each text what `map` gives: a text, null (filtered) or an error's message. */
export function mapOf(
  map: (element: string) => string | null | Error,
  options: { concurrency?: number; delay?: () => Promise<void> } = {},
): Component {
  return {
    kind: 'transform',
    name: 'TestMap',
    summary: '',
    config: {},
    examples: [],
    output: input => input,
    open: async (_config, { stage }) => ({
      concurrency: options.concurrency,
      async process(batch) {
        await options.delay?.();
        const good: string[] = [];
        const failed: number[] = [];
        const failures: Failure[] = [];
        for (const [i, element] of textsOf(batch).entries()) {
          const result = map(element);
          if (typeof result === 'string') good.push(result);
          else if (result instanceof Error) {
            failed.push(i);
            failures.push({ code: 'TEST_FAILED', message: result.message, transform: stage });
          }
        }
        const filtered = batch.count - good.length - failed.length;
        return { good: [batchOf(good)], failed: selectElements(batch, failed, failures), filtered };
      },
    }),
  };
}

/** A sink that keeps what is written; `published` is what a reader would see. */
export function collector(): Component & { written: string[]; published: string[]; log: string[] } {
  const written: string[] = [];
  const published: string[] = [];
  const log: string[] = [];
  let prepared = 0;
  return {
    written,
    published,
    log,
    kind: 'sink',
    name: 'TestSink',
    summary: '',
    config: {},
    examples: [],
    open: async () => ({
      async write(batch) {
        written.push(...textsOf(batch));
        return undefined;
      },
      advance: watermark => void log.push(`advance ${watermark}`),
      prepare: async (): Promise<Json> => {
        prepared = written.length;
        log.push(`prepare ${prepared}`);
        return prepared;
      },
      commit: async () => {
        published.push(...written.slice(published.length, prepared));
        log.push(`commit ${published.length}`);
      },
      close: async ended => void log.push(`close ${ended}`),
    }),
  };
}
