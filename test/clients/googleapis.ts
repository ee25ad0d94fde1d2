/** `googleapis`, Google's client of everything, made from Dataflow's discovery document. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, typesOf } from './gapic.ts';
import type { Answer, Client, Refusal } from './scenario.ts';

/** Why it is not there; undefined: it is. In CI it must be. */
export const missing: string | undefined =
  existsSync(join(import.meta.dirname, 'node_modules/googleapis')) ||
  process.env.SLUICE_REQUIRE_SERVICES === '1'
    ? undefined
    : 'googleapis is not installed in test/clients';

// Its types, those of all of Google's APIs, would take the type check longer than everything else together.
const NAME = 'googleapis';

export async function googleapisClient(url: string): Promise<Client> {
  const { google } = (await import(NAME)) as Answer;
  const { projects } = google.dataflow({ version: 'v1b3', rootUrl: `${url}/` });
  const { locations } = projects;
  const place = { projectId: PROJECT, location: 'us-central1' };
  const data = async (answer: Promise<Answer>): Promise<Answer> => (await answer).data;
  return {
    launchFlex: (launchParameter, validateOnly) =>
      data(
        locations.flexTemplates.launch({
          ...place,
          requestBody: { launchParameter, ...(validateOnly !== undefined && { validateOnly }) },
        }),
      ),
    launchClassic: (gcsPath, requestBody, validateOnly) =>
      data(locations.templates.launch({ ...place, gcsPath, requestBody, validateOnly })),
    createFromTemplate: requestBody => data(locations.templates.create({ ...place, requestBody })),
    getTemplate: gcsPath => data(locations.templates.get({ ...place, gcsPath, view: 'METADATA_ONLY' })),
    list: query => data(locations.jobs.list({ ...place, ...query })),
    aggregated: query => data(projects.jobs.aggregated({ projectId: PROJECT, ...query })),
    get: (jobId, view) => data(locations.jobs.get({ ...place, jobId, view })),
    requestState: (jobId, requestedState) =>
      data(locations.jobs.update({ ...place, jobId, requestBody: { requestedState } })),
    messages: (jobId, query) => data(locations.jobs.messages.list({ ...place, jobId, ...query })),
    metrics: jobId => data(locations.jobs.getMetrics({ ...place, jobId })),
    executionDetails: jobId => data(locations.jobs.getExecutionDetails({ ...place, jobId })),
    stageDetails: (jobId, stageId) =>
      data(locations.jobs.stages.getExecutionDetails({ ...place, jobId, stageId })),
    snapshot: jobId => data(locations.jobs.snapshot({ ...place, jobId, requestBody: {} })),
    refusal(thrown): Refusal {
      const { message, response } = thrown as Answer;
      const { code, details } = response.data.error;
      return { code, message, details: typesOf(details) };
    },
    codes: { invalid: 400, missing: 404, taken: 409, refused: 400, unimplemented: 501 },
  };
}
