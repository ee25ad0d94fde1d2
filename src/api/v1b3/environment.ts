/** The environment of a job as Dataflow tells it: what the launch said, put where Terraform and others look for it. */
import { VERSION } from '../../program.ts';
import type { JobRecord } from '../../store/record.ts';

export function environmentOf(record: JobRecord): object {
  const { environment: given, workers } = record;
  return withoutAbsent({
    tempStoragePrefix: text(given.tempLocation),
    userAgent: { name: 'Sluice', version: VERSION },
    experiments: texts(given.additionalExperiments),
    serviceKmsKeyName: text(given.kmsKeyName),
    serviceAccountEmail: text(given.serviceAccountEmail),
    workerRegion: text(given.workerRegion),
    workerZone: text(given.workerZone),
    flexResourceSchedulingGoal: text(given.flexrsGoal),
    streamingMode: text(given.streamingMode),
    workerPools: [
      withoutAbsent({
        kind: 'harness',
        numWorkers: workers,
        machineType: text(given.machineType),
        diskSizeGb: typeof given.diskSizeGb === 'number' ? given.diskSizeGb : undefined,
        zone: text(given.zone),
        network: text(given.network),
        subnetwork: text(given.subnetwork),
        ipConfiguration: text(given.ipConfiguration),
        workerHarnessContainerImage: record.container?.image ?? text(given.sdkContainerImage),
        sdkHarnessContainerImages: harnessesOf(record),
        autoscalingSettings: {
          algorithm: text(given.autoscalingAlgorithm) ?? 'AUTOSCALING_ALGORITHM_NONE',
          maxNumWorkers: maxWorkersOf(record),
        },
      }),
    ],
    sdkPipelineOptions: { options: optionsOf(record) },
  });
}

function harnessesOf({ container }: JobRecord): object[] | undefined {
  if (!container) return undefined;
  const { digest, image, limits } = container;
  return [{ containerImage: digest ?? image, useSingleCorePerContainer: limits.cpus <= 1 }];
}

/** The options that a program of Beam would have been started with, and the parameters beside them. */
function optionsOf(record: JobRecord): object {
  const { name, projectId, location, environment, labels, parameters, streaming, templatePath } = record;
  return withoutAbsent({
    ...parameters,
    jobName: name,
    project: projectId,
    region: location,
    streaming,
    labels: Object.entries(labels).length > 0 ? labels : undefined,
    templateLocation: templatePath,
    tempLocation: environment.tempLocation,
    stagingLocation: environment.stagingLocation,
    machineType: environment.machineType,
    workerMachineType: environment.machineType,
    network: environment.network,
    subnetwork: environment.subnetwork,
    serviceAccountEmail: environment.serviceAccountEmail,
    sdkContainerImage: environment.sdkContainerImage,
    numWorkers: record.workers,
    maxNumWorkers: maxWorkersOf(record),
  });
}

const maxWorkersOf = ({ environment: { maxWorkers }, workers }: JobRecord): number =>
  typeof maxWorkers === 'number' && maxWorkers > 0 ? maxWorkers : workers;

/** The file of a template may say anything: clients fail on what is of another type than they expect. */
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const texts = (value: unknown): string[] | undefined =>
  Array.isArray(value) ? value.filter(each => typeof each === 'string') : undefined;

const withoutAbsent = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));
