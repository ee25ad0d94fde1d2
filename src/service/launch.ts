/** Launches jobs for clients: everything that can be checked is refused before there is a job. */
import { audit } from '../access/audit.ts';
import type { Caller } from '../access/roles.ts';
import { SluiceError, type Violation } from '../errors.ts';
import { checkLaunch } from '../launch/check.ts';
import { inContainers } from '../launch/container.ts';
import { containerRequest, launcherIn } from '../launch/container-request.ts';
import { type GivenParameters, type PreparedJob, prepareJob } from '../launch/prepare.ts';
import { newRecord } from '../launch/record.ts';
import { withSecrets } from '../launch/secrets.ts';
import type { JobRecord } from '../store/record.ts';
import type { Service } from './service.ts';
import { type FoundTemplate, findTemplate, templateOfSpec } from './templates.ts';
import { checkUpdate, updateJob } from './update.ts';

export interface JobLaunch {
  /** A template's id or path, or the spec itself. */
  template: string | object;
  /** How the template was launched: it becomes a label, as Dataflow's do. */
  templateType: 'flex' | 'legacy';
  name: string;
  projectId: string;
  location: string;
  parameters: GivenParameters;
  /** Dataflow's runtime environment. */
  environment: Record<string, unknown>;
  /** The job takes over from the active one of its name. */
  update: boolean;
  transformNameMapping?: Record<string, string>;
  /** Only checks. */
  validateOnly: boolean;
}

const NAME = /^[a-z](?:[-a-z0-9]{0,1022}[a-z0-9])?$/;
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;
const MAX_LABELS = 64;
/** It is in every answer that has the job. */
const MAX_ENVIRONMENT = 64 * 1024;
const CREATE_OR_UPDATE = 'create_or_update_job';

/**
 * The record of the job that was launched; undefined where it was only to be checked.
 * @throws SluiceError for whatever is wrong with the request, JOB_NAME_TAKEN
 */
export async function launchJob(
  service: Service,
  launch: JobLaunch,
  caller: Caller,
): Promise<JobRecord | undefined> {
  const { name, projectId, location, parameters, update, transformNameMapping, validateOnly } = launch;
  const { config, store, supervisor } = service;
  const { template, defaultEnvironment, image } = await found(service, launch);
  const environment = { ...defaultEnvironment, ...launch.environment };
  const labels = labelsOf(environment);
  checkNames(name, labels, environment);
  const asked = launcherIn(environment) ?? config.launcher;
  const request = asked === 'docker' || image !== undefined ? containerRequest(environment) : undefined;
  const rendered = await prepareJob(config, {
    template,
    parameters,
    ...workersOf(environment),
    jobName: name,
    dryRun: validateOnly,
  });
  await checkLaunch(config, rendered);
  const prepared = request
    ? await inContainers(config, rendered, { request, template, ...(image !== undefined && { image }) })
    : rendered;
  const record = newRecord(prepared, {
    name,
    projectId,
    location,
    owner: 'service',
    launchedBy: caller.name,
    ...(typeof launch.template === 'string' && { templatePath: launch.template }),
    labels: { ...labels, ...ownLabels(launch, prepared) },
    environment,
    ...(transformNameMapping && { transformNameMapping }),
  });
  const updates = update || (mayUpdate(environment) && store.jobs.named(record) !== undefined);
  if (validateOnly) {
    if (updates) await checkUpdate(service, prepared, record);
    return undefined;
  }
  const launched = await withSecrets(config, prepared, () =>
    updates ? updateJob(service, prepared, record) : supervisor.launch(prepared.job, record),
  );
  const { id, templateId, replaces } = launched;
  audit(service, caller, updates ? 'job.update' : 'job.launch', id, { name, templateId, replaces });
  return launched;
}

function found({ config }: Service, { template }: JobLaunch): Promise<FoundTemplate> {
  return typeof template === 'string'
    ? findTemplate(config, template)
    : templateOfSpec(config, template, 'containerSpec');
}

const mayUpdate = ({ additionalExperiments }: Record<string, unknown>): boolean =>
  Array.isArray(additionalExperiments) && additionalExperiments.includes(CREATE_OR_UPDATE);

/** Zero means that nothing was said, as everywhere in Dataflow's API. */
function workersOf({ numWorkers, maxWorkers }: Record<string, unknown>) {
  return {
    ...(typeof numWorkers === 'number' && numWorkers > 0 && { numWorkers }),
    ...(typeof maxWorkers === 'number' && maxWorkers > 0 && { maxWorkers }),
  };
}

function labelsOf({ additionalUserLabels }: Record<string, unknown>): Record<string, string> {
  return typeof additionalUserLabels === 'object' && additionalUserLabels !== null
    ? { ...(additionalUserLabels as Record<string, string>) }
    : {};
}

/** As Dataflow labels the jobs of its templates. */
const ownLabels = ({ templateType }: JobLaunch, { job: { templateId = '' } }: PreparedJob) => ({
  'goog-dataflow-provided-template-name': templateId
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '_')
    .slice(0, 63),
  'goog-dataflow-provided-template-type': templateType,
});

function checkNames(name: string, labels: Record<string, string>, environment: object): void {
  const violations: Violation[] = [];
  if (!NAME.test(name))
    violations.push({
      subject: 'jobName',
      message: `must match the pattern [a-z]([-a-z0-9]{0,1022}[a-z0-9])?, not ${JSON.stringify(name.slice(0, 80))}`,
    });
  violations.push(...labelViolations(labels));
  if (JSON.stringify(environment).length > MAX_ENVIRONMENT)
    violations.push({ subject: 'environment', message: `may have ${MAX_ENVIRONMENT} characters as JSON` });
  if (violations.length === 0) return;
  const details = violations.map(({ subject, message }) => `${subject} ${message}`).join('; ');
  throw new SluiceError('REQUEST_INVALID', `Invalid request: ${details}`, { violations });
}

/** What is wrong with labels, by the rules of Google's clouds. */
export function labelViolations(labels: Readonly<Record<string, string>>): Violation[] {
  const entries = Object.entries(labels);
  const violations = entries
    .filter(([key, value]) => !LABEL_KEY.test(key) || typeof value !== 'string' || !LABEL_VALUE.test(value))
    .map(([key]) => ({
      subject: `labels.${key.slice(0, 80)}`,
      message:
        'is no label: its key has up to 63 small letters, digits, _ and -, a letter first, and so has its value',
    }));
  if (entries.length > MAX_LABELS)
    violations.push({ subject: 'labels', message: `are ${entries.length}: a job has ${MAX_LABELS} at most` });
  return violations;
}
