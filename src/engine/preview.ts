/** Sends a few real elements through a pipeline, one by one, and tells what becomes of each; nothing is written. */
import { type Batch, type Failure, payloadOf, positionOf, selectElements } from './batch.ts';
import type { Graph } from './graph.ts';
import { close, type OpenStage, openStages, type PipelineOptions } from './open.ts';
import { hideSecrets } from './secrets.ts';
import { connectStages, type Stage } from './stage.ts';

export interface PreviewedElement {
  /** Where it came from: `path:offset`, or a message id. */
  position?: string;
  input: Buffer;
  /** What the sinks would get, and what leaves a transform that nothing follows. */
  outputs: { sink: string; payload: Buffer }[];
  /** The stages that filtered it. */
  filteredBy: string[];
  failures: Failure[];
}

/** At most `limit` elements; from a source that is silent for `waitMs` no more are awaited. */
export async function previewPipeline(
  graph: Graph,
  options: PipelineOptions,
  { limit, waitMs }: { limit: number; waitMs: number },
): Promise<PreviewedElement[]> {
  const stages = connectStages(graph.nodes, {});
  const opened = await openStages(stages, options, undefined, ['transform', 'source']);
  try {
    const parts = new Map(opened.map(({ stage, part }) => [stage, part]));
    const grouping = new Set<string>();
    const onMerged = (stage: string) => {
      if (grouping.has(stage)) return;
      grouping.add(stage);
      options.report('WARNING', 'groups elements: what follows it is not previewed', stage);
    };
    const previewed: PreviewedElement[] = [];
    for (const { stage, part } of opened) {
      if (part.kind !== 'source') continue;
      for await (const element of elementsOf(part.source, limit - previewed.length, waitMs)) {
        const trace = {
          input: payloadOf(element, 0),
          position: positionOf(element, 0),
          outputs: [],
          filteredBy: [],
          failures: [],
        };
        await follow(stage, element, { parts, trace, onMerged });
        previewed.push(trace);
      }
    }
    return previewed;
  } finally {
    for (const { part } of opened) await close(part, true);
  }
}

type Source = Extract<OpenStage['part'], { kind: 'source' }>['source'];

/** The first elements of a source, each as a batch of its own. */
async function* elementsOf(source: Source, limit: number, waitMs: number): AsyncGenerator<Batch> {
  const silence = AbortSignal.timeout(waitMs);
  for (let left = limit; left > 0; ) {
    const batch = await source.read(silence);
    if (batch === 'end' || batch === 'idle') return;
    for (let i = 0; i < batch.count && left > 0; i++, left--) yield selectElements(batch, [i]);
  }
}

interface Following {
  parts: ReadonlyMap<Stage, OpenStage['part']>;
  trace: PreviewedElement;
  /** Called with the stage that an element has gone into, to come out with others later. */
  onMerged(stage: string): void;
}

async function follow(stage: Stage, batch: Batch, following: Following, name = 'good'): Promise<void> {
  const { parts, trace, onMerged } = following;
  const readers = stage.outputs.get(name) ?? [];
  if (readers.length === 0 && name === 'good') note(trace, stage, batch);
  for (const { to, input } of readers) {
    const part = parts.get(to);
    if (part?.kind !== 'transform') {
      note(trace, to, batch);
      continue;
    }
    const { good, named = {}, failed, filtered = 0, merged = 0 } = await part.transform.process(batch, input);
    if (merged > 0) onMerged(to.node.id);
    if (filtered > 0) trace.filteredBy.push(to.node.id);
    trace.failures.push(...(failed?.failures ?? []).map(hidden));
    for (const output of good) await follow(to, output, following);
    for (const [further, outputs] of Object.entries(named))
      for (const output of outputs) await follow(to, output, following, further);
  }
}

function note({ outputs }: PreviewedElement, { node }: Stage, batch: Batch): void {
  for (let i = 0; i < batch.count; i++) outputs.push({ sink: node.id, payload: payloadOf(batch, i) });
}

const hidden = (failure: Failure): Failure => ({ ...failure, message: hideSecrets(failure.message) });
