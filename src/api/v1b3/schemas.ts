/** JSON Schemas that several of Dataflow's operations share. */
import {
  autoscalingAlgorithms,
  flexGoals,
  ipConfigurations,
  jobStateNames,
  jobTypes,
  streamingModes,
} from './enums.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const count = { type: 'integer', minimum: 0, maximum: 2147483647 } as const;
const object = { type: 'object' } as const;
const time = { type: 'string', format: 'date-time' } as const;

export const stringMap = { type: 'object', additionalProperties: text } as const;

/** What a launch says of its environment. Few of the fields mean anything here; all are kept and given back. */
export const environmentSchema = {
  type: 'object',
  properties: {
    numWorkers: { ...count, description: 'Worker processes that share the input, where it can be shared.' },
    maxWorkers: { ...count, description: 'No more worker processes than that.' },
    additionalUserLabels: { ...stringMap, description: 'The labels of the job.' },
    additionalExperiments: {
      type: 'array',
      items: text,
      description: '`create_or_update_job`: update the active job of the name where there is one.',
    },
    additionalPipelineOptions: { type: 'array', items: text },
    autoscalingAlgorithm: { enum: autoscalingAlgorithms },
    bypassTempDirValidation: flag,
    diskSizeGb: count,
    dumpHeapOnOom: flag,
    enableLauncherVmSerialPortLogging: flag,
    enableStreamingEngine: flag,
    flexrsGoal: { enum: flexGoals },
    ipConfiguration: { enum: ipConfigurations },
    kmsKeyName: text,
    launcherMachineType: text,
    machineType: text,
    network: text,
    saveHeapDumpsToGcsPath: text,
    sdkContainerImage: text,
    serviceAccountEmail: text,
    stagingLocation: text,
    streamingMode: { enum: streamingModes },
    subnetwork: text,
    tempLocation: text,
    workerRegion: text,
    workerZone: text,
    zone: text,
  },
} as const;

/** What may change while a job runs. It is kept and given back; nothing here answers to it. */
export const runtimeUpdatableSchema = {
  type: 'object',
  properties: {
    maxNumWorkers: count,
    minNumWorkers: count,
    workerUtilizationHint: { type: 'number' },
    acceptableBacklogDuration: text,
    autoscalingTier: text,
    latencyTier: text,
  },
} as const;

export const jobSchema = {
  type: 'object',
  required: ['id', 'projectId', 'name', 'type', 'currentState', 'currentStateTime', 'createTime', 'location'],
  properties: {
    id: text,
    projectId: text,
    name: text,
    type: { enum: jobTypes },
    location: text,
    currentState: { enum: jobStateNames },
    currentStateTime: time,
    requestedState: { enum: jobStateNames },
    createTime: time,
    startTime: time,
    labels: stringMap,
    replaceJobId: text,
    replacedByJobId: text,
    transformNameMapping: stringMap,
    runtimeUpdatableParams: runtimeUpdatableSchema,
    jobMetadata: object,
    environment: object,
    steps: { type: 'array', items: object },
    stageStates: { type: 'array', items: object },
    pipelineDescription: object,
  },
} as const;

export const launchResponse = { type: 'object', properties: { job: jobSchema } } as const;

export const pageToken = { ...text, description: '`nextPageToken` of the page before.' } as const;
export const pageSize = {
  ...count,
  maximum: 1_000_000,
  description: 'At most so many; a page has no more than 1000.',
} as const;

/** What a metric, a message or a stage may be asked for by. */
export const timeSchema = time;
export const locationQuery = {
  ...text,
  description: 'The location, where the path names none.',
} as const;
