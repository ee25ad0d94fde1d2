/** Where the dead letters of a job are: which of its sinks write them, and with which config. */
import type { Graph, GraphNode } from '../engine/graph.ts';

/** A sink that writes envelopes, as the job's record keeps it. */
export interface LetterPlace {
  /** Full name of the sink's stage. */
  stage: string;
  /** Its type, e.g. `WriteToJson`. */
  sink: string;
  /** Its config as it was checked. */
  config: Record<string, unknown>;
  /** True for rows of Google's error tables, which lack what a replay needs. */
  rowsOnly?: boolean;
}

/** The sinks of a graph that write what EncodeDeadLetters gives. */
export function letterPlaces({ nodes }: Graph): LetterPlace[] {
  const encoders = new Map<string, GraphNode>();
  const places: LetterPlace[] = [];
  for (const node of nodes) {
    const { id, component, inputs } = node;
    const above = inputs.map(({ from }) => encoders.get(from)).find(each => each !== undefined);
    const encoder = component.name === 'EncodeDeadLetters' ? node : above;
    if (!encoder) continue;
    encoders.set(id, encoder);
    const config = node.config as LetterPlace['config'];
    const { format } = encoder.config as { format?: string };
    if (component.kind === 'sink')
      places.push({
        stage: id,
        sink: component.name,
        config,
        ...(format === 'bigquery' && { rowsOnly: true }),
      });
  }
  return places;
}
