/** Previews: what would become of a few real elements; nothing is written or acknowledged. */
import type { Config } from '../config.ts';
import { type PreviewedElement, previewPipeline } from '../engine/preview.ts';
import { type LaunchRequest, prepareJob } from '../launch/prepare.ts';

export interface PreviewRequest extends Pick<LaunchRequest, 'templateId' | 'pipeline' | 'parameters'> {
  /** How many to show. */
  elements: number;
}

/** How long a silent source is waited for. */
const WAIT_MS = 5000;

/**
 * @param directory where stages may put what they need; it is empty, and the caller removes it
 * @throws SluiceError for whatever a launch would be refused for
 */
export async function preview(
  config: Config,
  { elements: limit, ...request }: PreviewRequest,
  directory: string,
  report: (text: string, stage: string) => void,
): Promise<PreviewedElement[]> {
  const { job, graph, secrets } = await prepareJob(config, { ...request, dryRun: true });
  const options = {
    jobId: job.id,
    templateId: job.templateId,
    config,
    directory,
    worker: { index: 0, count: 1 },
    streaming: job.streaming,
    secrets,
    report: (severity: string, text: string, stage: string) => {
      if (severity !== 'DEBUG') report(text, stage);
    },
  };
  return previewPipeline(graph, options, { limit, waitMs: WAIT_MS });
}

/** A previewed element as it is told in JSON. */
export function asJson({ position, input, outputs, filteredBy, failures }: PreviewedElement) {
  return {
    ...(position !== undefined && { position }),
    input: input.toString(),
    outputs: outputs.map(({ sink, payload }) => ({ sink, payload: payload.toString() })),
    filteredBy,
    failures,
  };
}
