/** PUT of a job: stopping it, and the few things that may change while it runs. */
import type { Caller } from '../../access/roles.ts';
import { SluiceError } from '../../errors.ts';
import { labelViolations } from '../../service/launch.ts';
import type { Service } from '../../service/service.ts';
import { stopJob } from '../../service/stop.ts';
import type { JobRecord } from '../../store/record.ts';
import { isEnded, type Wish } from '../../store/states.ts';
import { defineDataflow, jobAt, pathsOf } from './dataflow-operation.ts';
import { jobStateNames } from './enums.ts';
import { wholeJob } from './job.ts';
import { jobSchema, locationQuery, runtimeUpdatableSchema, stringMap } from './schemas.ts';

/** `gcloud dataflow jobs cancel --force` says so by a label: here every cancel is as forceful. */
const FORCE_LABEL = 'force_cancel_job';

const displayProperties = {
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 1000 },
  propertyNames: { maxLength: 100 },
} as const;

export const updateJob = defineDataflow({
  id: 'updateJob',
  summary: 'Stops a job (`requestedState`), or changes what may change while it runs.',
  method: 'put',
  ...pathsOf('jobs/{jobId}'),
  role: 'operator',
  query: {
    type: 'object',
    properties: {
      updateMask: {
        type: 'string',
        maxLength: 2000,
        description: 'The fields to change, with commas between them; one that the body lacks is cleared.',
      },
      location: locationQuery,
    },
  },
  body: {
    type: 'object',
    properties: {
      requestedState: {
        enum: jobStateNames,
        description: '`JOB_STATE_CANCELLED`, or `JOB_STATE_DRAINED` for a streaming job.',
      },
      labels: stringMap,
      runtimeUpdatableParams: runtimeUpdatableSchema,
      jobMetadata: { type: 'object', properties: { userDisplayProperties: displayProperties } },
    },
  },
  response: jobSchema,
  example: { requestedState: 'JOB_STATE_CANCELLED' },
  async handle(request, service) {
    const { caller, body, query } = request;
    let record = jobAt(request, service);
    const mask = masked(query.updateMask);
    const changes = changesOf(record, body, mask);
    const requested = !mask || mask.includes('requestedState') ? body.requestedState : undefined;
    if (requested && requested !== 'JOB_STATE_UNKNOWN')
      record = await requestState(service, record, requested, caller);
    if (Object.keys(changes).length > 0) record = service.store.jobs.change(record.id, changes);
    return wholeJob(service, record);
  },
});

async function requestState(
  service: Service,
  record: JobRecord,
  state: (typeof jobStateNames)[number],
  caller: Caller,
): Promise<JobRecord> {
  const wish = wishOf(state, record);
  // It runs already, which is all that was asked.
  return wish ? stopJob(service, record.id, wish, caller) : record;
}

/** Terraform drains by `DRAINING`; `DONE` is the end that a job of this kind can have. */
function wishOf(
  state: (typeof jobStateNames)[number],
  { streaming, state: current, id }: JobRecord,
): Exclude<Wish, 'UPDATED'> | undefined {
  switch (state) {
    case 'JOB_STATE_CANCELLED':
    case 'JOB_STATE_CANCELLING':
      return 'CANCELLED';
    case 'JOB_STATE_DRAINED':
    case 'JOB_STATE_DRAINING':
      return 'DRAINED';
    case 'JOB_STATE_DONE':
      return streaming ? 'DRAINED' : 'CANCELLED';
    case 'JOB_STATE_RUNNING':
      if (!isEnded(current)) return undefined;
      throw new SluiceError('JOB_ENDED', `Job has terminated: job ${id} is ${current}.`);
    case 'JOB_STATE_PAUSING':
    case 'JOB_STATE_PAUSED':
      throw new SluiceError('NOT_IMPLEMENTED', 'A job cannot be paused: drain it, and launch it anew later');
    default:
      throw new SluiceError('REQUEST_INVALID', `requestedState: no job can be asked to become ${state}`, {
        violations: [
          { subject: 'requestedState', message: 'must be JOB_STATE_CANCELLED or JOB_STATE_DRAINED' },
        ],
      });
  }
}

interface Fragment {
  labels?: Record<string, string>;
  runtimeUpdatableParams?: Record<string, unknown>;
  jobMetadata?: { userDisplayProperties?: Record<string, string> };
}

type Changes = Partial<Pick<JobRecord, 'labels' | 'runtimeUpdatableParams' | 'displayProperties'>>;

const RUNTIME = 'runtimeUpdatableParams';
const DISPLAY = 'jobMetadata.userDisplayProperties';
const MAX_VALUES = 100;

/** What the body says of these fields, on top of what is known; a mask names those that it may change. */
function changesOf(record: JobRecord, body: Fragment, mask: string[] | undefined): Changes {
  const { [FORCE_LABEL]: _, ...labels } = (!mask || mask.includes('labels') ? body.labels : undefined) ?? {};
  const violations = labelViolations({ ...record.labels, ...labels });
  if (Object.keys(labels).length > 0 && violations.length > 0)
    throw new SluiceError(
      'REQUEST_INVALID',
      `Invalid request: ${violations[0]?.subject} ${violations[0]?.message}`,
      {
        violations,
      },
    );
  const runtime = merged(RUNTIME, record.runtimeUpdatableParams, body.runtimeUpdatableParams, mask);
  const display = merged(DISPLAY, record.displayProperties, body.jobMetadata?.userDisplayProperties, mask);
  if (runtime && isEnded(record.state))
    throw new SluiceError('JOB_ENDED', `Job has terminated: job ${record.id} is ${record.state}.`);
  return {
    ...(Object.keys(labels).length > 0 && { labels: { ...record.labels, ...labels } }),
    ...(runtime && { runtimeUpdatableParams: runtime }),
    ...(display && { displayProperties: display as Record<string, string> }),
  };
}

/** The values with the given ones among them; undefined where nothing changes. */
function merged(
  prefix: string,
  known: Record<string, unknown> = {},
  given: Record<string, unknown> = {},
  mask: string[] | undefined,
): Record<string, unknown> | undefined {
  const isWhole = !mask || mask.includes(prefix);
  const names = isWhole
    ? Object.keys(given)
    : mask.filter(path => path.startsWith(`${prefix}.`)).map(path => path.slice(prefix.length + 1));
  if (names.length === 0) return undefined;
  const values = new Map(Object.entries(known));
  for (const name of names) {
    if (Object.hasOwn(given, name)) values.set(name, given[name]);
    else values.delete(name);
  }
  if (values.size > MAX_VALUES)
    throw new SluiceError(
      'REQUEST_INVALID',
      `Invalid request: ${prefix} may hold ${MAX_VALUES} values at most`,
    );
  return Object.fromEntries(values);
}

/** gcloud writes the names of the protocol; what stands behind the second dot may be the user's own. */
function masked(updateMask: string | undefined): string[] | undefined {
  if (!updateMask) return undefined;
  return updateMask.split(',').map(path => {
    const [, display] = /^\s*job_?[mM]etadata\.user_?[dD]isplay_?[pP]roperties\.(.+)$/.exec(path) ?? [];
    if (display !== undefined) return `${DISPLAY}.${display.trim()}`;
    return path.trim().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  });
}
