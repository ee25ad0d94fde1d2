/** The record a job begins with. */
import type { JobRecord } from '../store/record.ts';
import type { JobContainer } from '../worker/container.ts';
import type { PreparedJob } from './prepare.ts';

/** Where jobs belong that were launched without a project and a location. */
export const defaultProject = 'local';
export const defaultLocation = 'us-central1';

export type Launched = Pick<JobRecord, 'launchedBy' | 'owner'> &
  Partial<
    Pick<
      JobRecord,
      | 'name'
      | 'projectId'
      | 'location'
      | 'templatePath'
      | 'labels'
      | 'environment'
      | 'replaces'
      | 'transformNameMapping'
      | 'replay'
    >
  >;

/** The record of a job that is queued now; without a name it is called after its template and id. */
export function newRecord({ job }: Pick<PreparedJob, 'job'>, launched: Launched): JobRecord {
  const { id, templateId, parameters = {}, streaming, workers, replay, container } = job;
  const now = new Date().toISOString();
  return {
    id,
    name: nameOf(replay ? 'replay' : (templateId ?? 'pipeline'), id),
    projectId: defaultProject,
    location: defaultLocation,
    streaming,
    state: 'QUEUED',
    stateTime: now,
    createTime: now,
    ...(templateId !== undefined && { templateId }),
    parameters,
    labels: {},
    environment: {},
    workers,
    ...(container && { container: shownOf(container) }),
    restarts: 0,
    ...(replay && { replayOf: replay.of }),
    ...launched,
  };
}

const shownOf = ({ image, imageId, digest, isProgram, limits, network }: JobContainer) => ({
  image,
  imageId,
  ...(digest !== undefined && { digest }),
  isProgram,
  limits,
  network,
});

const nameOf = (what: string, id: string): string =>
  `${what.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${id.split('-').at(-1)}`;
