/** Google's own Node client, `@google-cloud/dataflow`, over REST and over gRPC. */
import { createRequire } from 'node:module';
import { v1beta3 } from '@google-cloud/dataflow';
import { credentials } from '@grpc/grpc-js';
import type { Answer, Client, Refusal } from './scenario.ts';

const require = createRequire(createRequire(import.meta.url).resolve('@google-cloud/dataflow'));
const { PassThroughClient } = require('google-auth-library');

export const PROJECT = 'my-proj';
const place = { projectId: PROJECT, location: 'us-central1' };

/** How the README tells its users to make one. */
export const overRest = (url: string) => ({
  fallback: 'rest' as const,
  protocol: 'http',
  apiEndpoint: '127.0.0.1',
  port: Number(new URL(url).port),
  authClient: new PassThroughClient(),
});

export const overGrpc = (port: number) => ({
  apiEndpoint: '127.0.0.1',
  port,
  sslCreds: credentials.createInsecure(),
  authClient: new PassThroughClient(),
});

export interface Gapic extends Client {
  hasActiveJobs(): Promise<boolean>;
  close(): Promise<void>;
}

/** One page, as the server told it, and not what the client collects of all. */
const ONE_PAGE = { autoPaginate: false };

type Options = ConstructorParameters<typeof v1beta3.JobsV1Beta3Client>[0];

export function gapicClient(options: Options, refusals: Pick<Client, 'refusal' | 'codes'>): Gapic {
  const flex = new v1beta3.FlexTemplatesServiceClient(options);
  const templates = new v1beta3.TemplatesServiceClient(options);
  const jobs = new v1beta3.JobsV1Beta3Client(options);
  const messages = new v1beta3.MessagesV1Beta3Client(options);
  const metrics = new v1beta3.MetricsV1Beta3Client(options);
  const first = async (answer: Promise<Answer>): Promise<Answer> => (await answer)[0];
  const page = async (answer: Promise<Answer>): Promise<Answer> => (await answer)[2];
  return {
    ...refusals,
    launchFlex: (launchParameter, validateOnly = false) =>
      first(flex.launchFlexTemplate({ ...place, launchParameter, validateOnly })),
    launchClassic: (gcsPath, launchParameters, validateOnly = false) =>
      first(templates.launchTemplate({ ...place, gcsPath, launchParameters, validateOnly })),
    createFromTemplate: body => first(templates.createJobFromTemplate({ ...place, ...body })),
    getTemplate: gcsPath => first(templates.getTemplate({ ...place, gcsPath })),
    list: query => page(jobs.listJobs({ ...place, ...query }, ONE_PAGE)),
    aggregated: query => page(jobs.aggregatedListJobs({ ...place, ...query }, ONE_PAGE)),
    get: (jobId, view) =>
      first(jobs.getJob({ ...place, jobId, ...(view && { view: view as 'JOB_VIEW_ALL' }) })),
    requestState: (jobId, state) =>
      first(jobs.updateJob({ ...place, jobId, job: { requestedState: state as 'JOB_STATE_CANCELLED' } })),
    messages: (jobId, query) => page(messages.listJobMessages({ ...place, jobId, ...query }, ONE_PAGE)),
    metrics: jobId => first(metrics.getJobMetrics({ ...place, jobId })),
    executionDetails: jobId => page(metrics.getJobExecutionDetails({ ...place, jobId }, ONE_PAGE)),
    stageDetails: (jobId, stageId) =>
      page(metrics.getStageExecutionDetails({ ...place, jobId, stageId }, ONE_PAGE)),
    snapshot: jobId => first(jobs.snapshotJob({ ...place, jobId })),
    hasActiveJobs: async () =>
      Boolean((await jobs.checkActiveJobs({ projectId: PROJECT }))[0].activeJobsExist),
    close: async () => {
      await Promise.all([flex, templates, jobs, messages, metrics].map(client => client.close()));
    },
  };
}

/** Over REST the whole body of the answer is the message. */
export const restRefusals: Pick<Client, 'refusal' | 'codes'> = {
  refusal(error): Refusal {
    const { error: told } = JSON.parse((error as Error).message);
    return { code: told.code, message: told.message, details: typesOf(told.details) };
  },
  codes: { invalid: 400, missing: 404, taken: 409, refused: 400, unimplemented: 501 },
};

export const grpcRefusals: Pick<Client, 'refusal' | 'codes'> = {
  refusal(error): Refusal {
    const { code, details, metadata } = error as Answer;
    return { code, message: details, details: detailTypes(metadata.get('grpc-status-details-bin')[0]) };
  },
  codes: { invalid: 3, missing: 5, taken: 6, refused: 9, unimplemented: 12 },
};

/** The names of the types, as they stand in the bytes. */
const detailTypes = (bytes: Buffer): string[] =>
  [
    ...bytes
      .toString('latin1')
      .matchAll(/type\.googleapis\.com\/(google\.(?:rpc|dataflow\.v1beta3)\.[A-Z]\w*)/g),
  ].map(([, type = '']) => type);

/** The types of details, without their prefix. */
export const typesOf = (details: Record<string, string>[] = []): string[] =>
  details.map(each => (each['@type'] ?? '').replace('type.googleapis.com/', ''));
