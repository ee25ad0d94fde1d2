/** The pipeline that a user brings in a parameter, with Jinja's `{{ variable }}`. */
import { readTextFile } from '../cloud/storage.ts';
import type { Config } from '../config.ts';
import type { Json } from '../engine/component.ts';
import { parseWithVariables } from '../pipeline/variables.ts';
import type { Template } from './template.ts';

type Parameters = Readonly<Record<string, Json | undefined>>;

/** The pipeline that these parameters hold, as parseYaml gives it. */
export async function readUserPipeline(
  from: NonNullable<Template['pipelineFrom']>,
  parameters: Parameters,
  config: Config,
): Promise<unknown> {
  const variables = new Map(Object.entries((parameters[from.variables] ?? {}) as Record<string, Json>));
  const path = parameters[from.file];
  if (typeof path !== 'string')
    return parseWithVariables(String(parameters[from.text]), from.text, variables);
  return parseWithVariables(await readTextFile(path, 'the pipeline', config), path, variables);
}
