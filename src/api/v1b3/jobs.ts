/** Listing and showing jobs. */
import { SluiceError } from '../../errors.ts';
import type { Service } from '../../service/service.ts';
import type { JobFilter } from '../../store/jobs.ts';
import { defineDataflow, jobAt, pageSizeOf, pathsOf, placeOf } from './dataflow-operation.ts';
import { jobFilters, jobViews } from './enums.ts';
import { summaryOf, wholeJob } from './job.ts';
import { jobSchema, locationQuery, pageSize, pageToken } from './schemas.ts';

const text = { type: 'string' } as const;

const listQuery = {
  type: 'object',
  properties: {
    filter: { enum: jobFilters },
    name: { ...text, description: 'Only jobs of exactly this name.' },
    view: { enum: jobViews },
    pageSize,
    pageToken,
    location: locationQuery,
    regionalFanoutRequested: { type: 'boolean' },
  },
} as const;

const listResponse = {
  type: 'object',
  required: ['jobs'],
  properties: { jobs: { type: 'array', items: jobSchema }, nextPageToken: text },
} as const;

interface ListQuery {
  filter?: (typeof jobFilters)[number];
  name?: string;
  pageSize?: number;
  pageToken?: string;
}

export const listJobs = defineDataflow({
  id: 'listJobs',
  summary: 'Lists the jobs of a project in a location: the active ones first, then the latest.',
  method: 'get',
  ...pathsOf('jobs'),
  role: 'viewer',
  query: listQuery,
  response: listResponse,
  handle: (request, service) => list(service, placeOf(request), request.query),
});

export const aggregatedListJobs = defineDataflow({
  id: 'aggregatedListJobs',
  summary: 'Lists the jobs of a project in all locations.',
  method: 'get',
  path: '/v1b3/projects/{projectId}/jobs:aggregated',
  role: 'viewer',
  query: listQuery,
  response: listResponse,
  handle: (request, service) => list(service, { projectId: placeOf(request).projectId }, request.query),
});

function list(service: Service, place: Pick<JobFilter, 'projectId' | 'location'>, query: ListQuery): object {
  const filter: JobFilter = {
    ...place,
    ...(query.name && { name: query.name }),
    ...(query.filter === 'ACTIVE' && { status: 'active' }),
    ...(query.filter === 'TERMINATED' && { status: 'ended' }),
  };
  const { items, nextPageToken } = service.store.jobs.list(
    filter,
    pageSizeOf(query.pageSize),
    query.pageToken,
  );
  return { jobs: items.map(summaryOf), ...(nextPageToken && { nextPageToken }) };
}

export const getJob = defineDataflow({
  id: 'getJob',
  summary: 'Shows a job.',
  method: 'get',
  ...pathsOf('jobs/{jobId}'),
  role: 'viewer',
  query: { type: 'object', properties: { view: { enum: jobViews }, location: locationQuery } },
  response: jobSchema,
  handle: (request, service) => wholeJob(service, jobAt(request, service), request.query.view),
});

export const createJob = defineDataflow({
  id: 'createJob',
  summary: 'Not served: a job of Dataflow is a compiled graph, which only Dataflow runs.',
  method: 'post',
  ...pathsOf('jobs'),
  role: 'operator',
  query: {
    type: 'object',
    properties: { view: { enum: jobViews }, replaceJobId: text, location: locationQuery },
  },
  body: { type: 'object' },
  response: jobSchema,
  example: { name: 'a-job' },
  handle() {
    throw new SluiceError(
      'NOT_IMPLEMENTED',
      'A job that is a compiled graph cannot be run here: launch a template by flexTemplates:launch or templates:launch; Yaml_Template takes a pipeline of your own in Beam YAML',
    );
  },
});
