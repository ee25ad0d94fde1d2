/** What all operations of Dataflow's API have in common. */
import { SluiceError } from '../../errors.ts';
import { defaultLocation } from '../../launch/record.ts';
import type { Service } from '../../service/service.ts';
import type { JobRecord } from '../../store/record.ts';
import { type ApiRequest, defineOperation, type Operation } from '../operation.ts';
import { decode } from './decode.ts';

type Declared<Query extends object, Body extends object> = Parameters<typeof defineOperation<Query, Body>>[0];

/** Declares an operation whose requests are read as tolerantly as Dataflow reads them. */
export function defineDataflow<const Query extends object = object, const Body extends object = object>(
  declared: Omit<Declared<Query, Body>, 'tag' | 'normalise'>,
): Operation {
  const { query, body } = declared;
  return defineOperation<Query, Body>({
    ...declared,
    tag: 'Dataflow',
    normalise: request => ({
      ...request,
      query: query ? (decode(query, request.query) as Record<string, unknown>) : request.query,
      body: body ? (decode(body, request.body ?? {}) ?? {}) : request.body,
    }),
  } as Declared<Query, Body>);
}

/** The paths of an operation: with the location in it, and without. */
export const pathsOf = (rest: string): { path: string; alsoAt: string[] } => ({
  path: `/v1b3/projects/{projectId}/locations/{location}/${rest}`,
  alsoAt: [`/v1b3/projects/{projectId}/${rest}`],
});

const PROJECT = /^[A-Za-z0-9](?:[A-Za-z0-9.:_-]{0,98}[A-Za-z0-9])?$/;
const LOCATION = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** Project and location that a request names. @throws SluiceError REQUEST_INVALID */
export function placeOf(
  { path, query }: Pick<ApiRequest<object>, 'path' | 'query'>,
  otherwise: string = defaultLocation,
): { projectId: string; location: string } {
  const { projectId = '' } = path;
  const location = path.location || textOf(query, 'location') || otherwise;
  if (!PROJECT.test(projectId)) throw invalid('projectId', projectId, 'a project');
  if (!LOCATION.test(location)) throw invalid('location', location, 'a location');
  return { projectId, location };
}

/** The job that a path names; it must be of the project, and of the location where one is named. */
export function jobAt(request: Pick<ApiRequest<object>, 'path' | 'query'>, { store }: Service): JobRecord {
  const { projectId, location } = placeOf(request);
  const { jobId = '' } = request.path;
  const record = store.jobs.require(jobId);
  const isNamed = Boolean(request.path.location || textOf(request.query, 'location'));
  if (record.projectId === projectId && (!isNamed || record.location === location)) return record;
  throw new SluiceError('JOB_NOT_FOUND', `Information about job ${jobId} could not be found in our system.`);
}

const textOf = (query: object, name: string): string | undefined => {
  const value: unknown = Reflect.get(query, name);
  return typeof value === 'string' ? value : undefined;
};

const invalid = (subject: string, value: string, what: string): SluiceError =>
  new SluiceError('REQUEST_INVALID', `${JSON.stringify(value.slice(0, 80))} is no name of ${what}`, {
    violations: [{ subject, message: `must be the name of ${what}` }],
  });

/** The most that one page has. */
export const MAX_PAGE = 1000;
const DEFAULT_PAGE = 100;

/** Zero means that nothing was said. */
export const pageSizeOf = (asked: number | undefined): number => Math.min(asked || DEFAULT_PAGE, MAX_PAGE);
