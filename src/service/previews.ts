/** Previews for clients. */
import { SluiceError } from '../errors.ts';
import { runTask } from '../tasks/run.ts';
import type { Service } from './service.ts';

export interface ServedPreview {
  /** A template's id or alias, or … */
  templateId?: string;
  /** … a pipeline, as Beam YAML or as what that stands for. */
  pipeline?: string | object;
  parameters?: Record<string, unknown>;
  elements?: number;
}

/** The template that takes a pipeline for a parameter. */
const BARE = 'Yaml_Template';
const ELEMENTS = 5;

/** What would become of a few real elements; nothing is written or acknowledged. */
export async function previewElements(
  { config }: Service,
  { templateId, pipeline, parameters = {}, elements = ELEMENTS }: ServedPreview,
  signal: AbortSignal,
) {
  if (pipeline === undefined)
    return runTask(config, 'preview', { templateId, parameters, elements }, { signal });
  if (Object.keys(parameters).length > 0)
    throw new SluiceError('REQUEST_INVALID', `a pipeline takes no parameters: use the template ${BARE}`);
  const text = typeof pipeline === 'string' ? pipeline : JSON.stringify(pipeline);
  const bare = { templateId: BARE, parameters: { yaml_pipeline: text }, elements };
  return runTask(config, 'preview', bare, { signal });
}
