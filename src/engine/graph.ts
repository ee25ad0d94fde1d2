/** A pipeline ready to run: what `pipeline/` makes of a Beam YAML file and what the engine runs. */
import type { Component, ElementType, Windowing } from './component.ts';

export interface Graph {
  /** In topological order: every node comes after those it reads from. */
  nodes: GraphNode[];
}

export interface GraphNode {
  /** Full name, unique, stable: `JavaScriptUdf`, `Outer/Inner` …; used as `StageContext.stage`. */
  id: string;
  component: Component;
  /** Checked against the component's schema, defaults filled in; without `error_handling`. */
  config: unknown;
  /** `output` is `good`, `errors`, or the name of a further output; `name` is what the pipeline calls the input. */
  inputs: { from: string; output: string; name?: string; type?: ElementType }[];
  /** What its (merged) input carries; absent for a source. */
  input?: ElementType;
  /** What its good output carries; absent for a sink. */
  output?: ElementType;
  /** The windowing of its output (for a sink: of its input). */
  windowing: Windowing;
  /** Failed elements go to the output of this name; absent: the first one fails the job. */
  errorHandling?: { output: string; threshold?: number };
  /** True below an error output: what is written here is a dead letter, not a result. */
  deadLetter: boolean;
  /** `file:line:column` of its declaration. */
  place?: string;
}
