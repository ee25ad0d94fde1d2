/** Pipeline options that users of Dataflow give as parameters: taken beside a template's own. */

const names = [
  'additionalExperiments',
  'additionalPipelineOptions',
  'additionalUserLabels',
  'autoscalingAlgorithm',
  'diskSizeGb',
  'enableStreamingEngine',
  'experiments',
  'flexRSGoal',
  'gcpTempLocation',
  'ipConfiguration',
  'jobName',
  'kmsKeyName',
  'labels',
  'launcherMachineType',
  'machineType',
  'maxNumWorkers',
  'maxWorkers',
  'network',
  'numWorkers',
  'numberOfWorkerHarnessThreads',
  'project',
  'region',
  'runner',
  'sdkContainerImage',
  'serviceAccount',
  'serviceAccountEmail',
  'stagingLocation',
  'streaming',
  'streamingMode',
  'subnetwork',
  'tempLocation',
  'usePublicIps',
  'workerDiskType',
  'workerMachineType',
  'workerRegion',
  'workerZone',
  'zone',
] as const;

/** Names of the options, as Dataflow spells them. */
export const pipelineOptions: ReadonlySet<string> = new Set(names);

/** Those that Sluice heeds: whole numbers from 1. The others are accepted, since nothing here answers to them. */
export const workerOptions: ReadonlySet<string> = new Set(['numWorkers', 'maxNumWorkers', 'maxWorkers']);
