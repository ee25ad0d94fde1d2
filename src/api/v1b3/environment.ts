/** The environment of a job as Dataflow tells it: what the launch said, put where Terraform and others look for it. */
import type { JobRecord } from '../../store/record.ts';

export function environmentOf(record: JobRecord): object {
  const { environment: given, workers } = record;
  return withoutAbsent({
    tempStoragePrefix: given.tempLocation,
    userAgent: { name: 'Sluice', version: '0.1.0' },
    experiments: given.additionalExperiments,
    serviceKmsKeyName: given.kmsKeyName,
    serviceAccountEmail: given.serviceAccountEmail,
    workerRegion: given.workerRegion,
    workerZone: given.workerZone,
    flexResourceSchedulingGoal: given.flexrsGoal,
    streamingMode: given.streamingMode,
    workerPools: [
      withoutAbsent({
        kind: 'harness',
        numWorkers: workers,
        machineType: given.machineType,
        diskSizeGb: given.diskSizeGb,
        zone: given.zone,
        network: given.network,
        subnetwork: given.subnetwork,
        ipConfiguration: given.ipConfiguration,
        workerHarnessContainerImage: given.sdkContainerImage,
        autoscalingSettings: {
          algorithm: given.autoscalingAlgorithm ?? 'AUTOSCALING_ALGORITHM_NONE',
          maxNumWorkers: maxWorkersOf(record),
        },
      }),
    ],
    sdkPipelineOptions: { options: optionsOf(record) },
  });
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

const withoutAbsent = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));
