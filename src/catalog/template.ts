/** A template, read and checked: what the rest of the catalog works on. */
import type { Scope } from './expression.ts';
import type { ParametersSchema, TemplateFile, TemplateTest } from './meta-schema.ts';

/** Gives a piece of the pipeline in a scope; undefined: there is none. */
export type RenderedNode = (scope: Scope) => unknown;

/** What a listing shows of a template, read from the head of its file. */
export interface TemplateSummary {
  id: string;
  aliases: string[];
  title: string;
  category: TemplateFile['category'];
  streaming: boolean;
  description: string;
  /** The template file, absolute. */
  file: string;
  /** Shipped with Sluice, or the user's own. */
  origin: 'shipped' | 'user';
}

export interface Template extends TemplateSummary {
  /** JSON Schema 2020-12, with the parameters of its groups. */
  parameters: ParametersSchema;
  /** The compiled pipeline; absent where the user brings one. */
  pipeline?: RenderedNode;
  /** The same as it is written, its expressions texts. */
  written?: object;
  pipelineFrom?: { text: string; file: string; variables: string };
  tests: TemplateTest[];
  /** Set for what has no pipeline: a program of its own in an image. */
  program?: ProgramChecks;
}

/** What is checked of the parameters of a program beyond the schema. */
export interface ProgramChecks {
  /** It does not say which parameters it has: each is taken as a text. */
  takesAnything: boolean;
  /** What is wrong with the value that was given for a parameter; undefined: nothing. */
  faultOf(name: string, value: string): string | undefined;
}
