/** Where the dead letters of a job are: which of its stages write them, and with which config. */
import type { Graph } from '../engine/graph.ts';

/** A stage that writes envelopes, as the job's record keeps it. */
export interface LetterPlace {
  /** Full name of the stage. */
  stage: string;
  /** Its type: a sink, e.g. `WriteToJson`, or … */
  sink: string;
  /** Its config as it was checked. */
  config: Record<string, unknown>;
  /** … EncodeDeadLetters, which keeps them with this job where its sink writes bare rows. */
  keptBy?: string;
}

/** The stages of a job's graph that write the letters that EncodeDeadLetters makes. */
export function letterPlaces({ nodes }: Graph, jobId: string): LetterPlace[] {
  const encoded = new Set<string>();
  const places: LetterPlace[] = [];
  for (const node of nodes) {
    const { id, component, inputs } = node;
    const config = node.config as LetterPlace['config'];
    // Fields that are chosen of a letter are none.
    if (component.name === 'MapToFields' && config.append !== true) continue;
    const isEncoder = component.name === 'EncodeDeadLetters';
    if (isEncoder && config.format === 'bigquery')
      places.push({ stage: id, sink: component.name, config, keptBy: jobId });
    else if (isEncoder || inputs.some(({ from }) => encoded.has(from))) {
      encoded.add(id);
      if (component.kind === 'sink') places.push({ stage: id, sink: component.name, config });
    }
  }
  return places;
}
