/** A pipeline as it is written: scopes within scopes, their members not yet connected. */

export type Member = Leaf | Scope;

interface Declared {
  /** Full name: unique, the same after a restart, safe as a path. */
  id: string;
  /** What messages call it: its name, or its type. */
  label: string;
  /** What references may call it. */
  names: string[];
  place: string;
  inputs: Port[];
  /** Windows its inputs or, when it has none, its output. */
  windowing?: Placed;
}

export interface Leaf extends Declared {
  kind: 'leaf';
  type: string;
  spec: Mapping;
  /** Absent: it is no mapping, which is noted. */
  config?: Mapping;
  /** Where its config stands or, when it has none, the transform. */
  configPlace: string;
  errorHandling?: { output: string; threshold?: number; place: string };
  /** The scope it stands in. */
  scope: Scope;
  /** It is the first of a chain. */
  first: boolean;
}

export interface Scope extends Declared {
  kind: 'scope';
  chain: boolean;
  members: Member[];
  /**
   * What it gives, by name; a chain without `output` gives what its last transform does, and `whole`, a transform
   * that the file provides, all that its body does.
   */
  outputs: Map<string, Link> | { last: Member | undefined; whole?: boolean };
  /** Absent for the whole pipeline. */
  parent?: Scope;
}

/** One input: several links are merged; without links it was not readable. */
export interface Port {
  key: string;
  links: Link[];
}

/** What an input reads: a name to be found, or the neighbour in a chain. */
export type Link = { text: string; place: string } | { member: Member; place: string };

export interface Placed {
  value: unknown;
  place: string;
}

export type Mapping = Record<string, unknown>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
