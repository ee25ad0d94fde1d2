/** From a template and its parameters to a pipeline: values go into the parsed YAML, so they cannot change its shape. */
import type { Config } from '../config.ts';
import type { Json } from '../engine/component.ts';
import { copyPlace, placeOf } from '../pipeline/yaml.ts';
import { compileExpression, type Expression, ExpressionFault, hasExpression } from './expression.ts';
import { pruneTransforms } from './prune.ts';
import type { RenderedNode, Template } from './template.ts';
import { readUserPipeline } from './user-pipeline.ts';

/** The job a pipeline is rendered for. */
export interface RenderContext {
  jobId: string;
  /** Absolute. */
  jobDirectory: string;
  config: Config;
}

/**
 * The pipeline of a template with these parameters, which `validateParameters` gave: what `resolvePipeline` takes,
 * with the places of the template file. Transforms whose `when` is false are gone, and what only they fed with them.
 */
export async function renderTemplate(
  template: Template,
  parameters: Readonly<Record<string, Json | undefined>>,
  { jobId, jobDirectory, config }: RenderContext,
): Promise<unknown> {
  const { pipeline, pipelineFrom } = template;
  if (pipelineFrom) return readUserPipeline(pipelineFrom, parameters, config);
  const rendered = pipeline?.({ parameters, job: { id: jobId, directory: jobDirectory } });
  return pruneTransforms(rendered);
}

/** What `compilePipeline` found wrong, with its place. */
export type ReportFault = (place: string | undefined, message: string) => void;

/** Compiles each text of a pipeline once; tells every expression that is not allowed. */
export function compilePipeline(
  pipeline: object,
  parameters: ReadonlySet<string>,
  report: ReportFault,
): RenderedNode {
  return compileNode(pipeline, (text, parent, key) => {
    try {
      return compileExpression(text, parameters);
    } catch (error) {
      if (!(error instanceof ExpressionFault)) throw error;
      report(placeOf(parent, key), error.message);
      return () => undefined;
    }
  });
}

type CompileText = (text: string, parent: object, key: string | number) => Expression;

function compileNode(value: object, compile: CompileText): RenderedNode {
  return Array.isArray(value) ? compileList(value, compile) : compileMap(value, compile);
}

function compileValue(
  value: unknown,
  parent: object,
  key: string | number,
  compile: CompileText,
): RenderedNode {
  if (typeof value === 'object' && value !== null) return compileNode(value, compile);
  return typeof value === 'string' && hasExpression(value) ? compile(value, parent, key) : () => value;
}

function compileList(list: unknown[], compile: CompileText): RenderedNode {
  const items = list.map((item, index) => compileValue(item, list, index, compile));
  return scope => {
    const rendered = items.map(item => item(scope)).filter(item => item !== undefined);
    copyPlace(list, rendered);
    return rendered;
  };
}

function compileMap(map: object, compile: CompileText): RenderedNode {
  const entries = Object.entries(map).map(
    ([key, value]) => [key, compileValue(value, map, key, compile)] as const,
  );
  const isTransform = Object.hasOwn(map, 'type') || Object.hasOwn(map, 'transforms');
  return scope => {
    const rendered: Record<string, unknown> = Object.create(null);
    for (const [key, node] of entries) {
      const value = node(scope);
      if (value !== undefined) rendered[key] = value;
      // An absent `when` drops its transform, so it may not vanish like other keys.
      else if (key === 'when' && isTransform) rendered[key] = false;
    }
    copyPlace(map, rendered);
    return rendered;
  };
}
