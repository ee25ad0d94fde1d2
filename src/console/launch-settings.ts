/** What the launch form says beside the parameters: the job's name, its workers and how they run, its labels. */
import { SluiceError, type Violation } from '../errors.ts';
import type { JobRecord } from '../store/record.ts';

/** As they were typed. */
export interface LaunchSettings {
  jobName: string;
  numWorkers: string;
  /** `team=events, cost=data`. */
  labels: string;
  /** `process`, `docker`, or nothing: as the server does it. */
  launcher: string;
  /** Of each container. */
  memory: string;
  cpus: string;
  /** The active job of its name is the one that the new one takes over from. */
  update: boolean;
}

const texts = ['jobName', 'numWorkers', 'labels', 'launcher', 'memory', 'cpus'] as const;

export function settingsIn(form: Readonly<Record<string, string>>, templateId: string): LaunchSettings {
  const given = Object.fromEntries(texts.map(key => [key, (form[key] ?? '').trim()]));
  const { jobName = '', numWorkers = '', labels = '', launcher = '', memory = '', cpus = '' } = given;
  return {
    jobName: jobName === '' ? suggestedName(templateId) : jobName,
    ...{ numWorkers, labels, launcher, memory, cpus },
    update: form.update === 'true',
  };
}

/** As another job was launched: its clone has a name of its own, and its successor the same. */
export function settingsLike(
  { name, workers, environment, container }: JobRecord,
  templateId: string,
  update: boolean,
): LaunchSettings {
  const labels = environment.additionalUserLabels;
  const options = environment.additionalPipelineOptions;
  const option = (key: string): string => {
    const found = (Array.isArray(options) ? options : []).find(each => String(each).startsWith(`${key}=`));
    return found === undefined ? '' : String(found).slice(key.length + 1);
  };
  return {
    jobName: update ? name : suggestedName(templateId),
    numWorkers: workers > 1 ? String(workers) : '',
    labels: typeof labels === 'object' && labels !== null ? pairsOf(labels) : '',
    launcher: option('launcher') || (container ? 'docker' : ''),
    memory: option('memory'),
    cpus: option('cpus'),
    update,
  };
}

const pairsOf = (values: object): string =>
  Object.entries(values)
    .map(pair => pair.join('='))
    .join(', ');

/** The settings in the words of Dataflow's environment. @throws SluiceError PARAMETERS_INVALID */
export function environmentOf(settings: LaunchSettings): Record<string, unknown> {
  const { numWorkers } = settings;
  const labels = labelsOf(settings);
  const containers = Object.entries(containersOf(settings)).map(pair => pair.join('='));
  return {
    ...(numWorkers !== '' && { numWorkers: workersIn(numWorkers) }),
    ...(Object.keys(labels).length > 0 && { additionalUserLabels: labels }),
    ...(containers.length > 0 && { additionalPipelineOptions: containers }),
  };
}

/** Of each label its key and its value; a word without a value is a label with an empty one. */
export function labelsOf({ labels }: Pick<LaunchSettings, 'labels'>): Record<string, string> {
  const pairs = labels.split(/[\s,]+/).filter(Boolean);
  return Object.fromEntries(
    pairs.map(pair => {
      const [key = '', ...value] = pair.split('=');
      return [key, value.join('=')];
    }),
  );
}

/** What was said of how the workers run. */
export const containersOf = ({ launcher, memory, cpus }: LaunchSettings): Record<string, string> => ({
  ...(launcher !== '' && { launcher }),
  ...(launcher !== 'process' && memory !== '' && { memory }),
  ...(launcher !== 'process' && cpus !== '' && { cpus }),
});

/** What is wrong with a setting, by the setting. */
export function settingFaults(violations: readonly Violation[]): Record<string, string> {
  const faults = violations.flatMap(({ subject, message }) => {
    const setting = settingOf(subject);
    if (!setting) return [];
    return [[setting, setting === subject ? message : `${subject.slice(7)} ${message}`]];
  });
  return Object.fromEntries(faults);
}

/** The setting that a violation is about. */
export const settingOf = (subject: string): (typeof texts)[number] | undefined =>
  subject.startsWith('labels.') ? 'labels' : texts.find(each => each === subject);

function workersIn(text: string): number {
  const workers = Number(text);
  if (Number.isInteger(workers) && workers >= 1 && workers <= 64) return workers;
  const message = `must be a whole number from 1 to 64, not ${JSON.stringify(text.slice(0, 40))}`;
  throw new SluiceError('PARAMETERS_INVALID', `numWorkers ${message}`, {
    violations: [{ subject: 'numWorkers', message }],
  });
}

/** `Word_Count` at 10:05:12 becomes `word-count-1120-100512`. */
export function suggestedName(id: string): string {
  const words = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const [, month, day, time = ''] = /^\d+-(\d+)-(\d+)T([\d:]+)/.exec(new Date().toISOString()) ?? [];
  return `${words}-${month}${day}-${time.replaceAll(':', '')}`;
}
