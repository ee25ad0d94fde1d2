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
}

/** The sinks of a graph that write what EncodeDeadLetters gives. */
export function letterPlaces({ nodes }: Graph): LetterPlace[] {
  const encoded = new Set<string>();
  const places: LetterPlace[] = [];
  for (const { id, component, config, inputs } of nodes) {
    if (isEncoder(component.name) || inputs.some(({ from }) => encoded.has(from))) encoded.add(id);
    if (component.kind === 'sink' && encoded.has(id)) {
      places.push({ stage: id, sink: component.name, config: config as Record<string, unknown> });
    }
  }
  return places;
}

const isEncoder = (type: GraphNode['component']['name']): boolean => type === 'EncodeDeadLetters';
