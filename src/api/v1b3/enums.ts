/** The enums of Dataflow's protocol: names in the order of their numbers. */

export const jobStateNames = [
  'JOB_STATE_UNKNOWN',
  'JOB_STATE_STOPPED',
  'JOB_STATE_RUNNING',
  'JOB_STATE_DONE',
  'JOB_STATE_FAILED',
  'JOB_STATE_CANCELLED',
  'JOB_STATE_UPDATED',
  'JOB_STATE_DRAINING',
  'JOB_STATE_DRAINED',
  'JOB_STATE_PENDING',
  'JOB_STATE_CANCELLING',
  'JOB_STATE_QUEUED',
  'JOB_STATE_RESOURCE_CLEANING_UP',
  'JOB_STATE_PAUSING',
  'JOB_STATE_PAUSED',
] as const;

export const jobTypes = ['JOB_TYPE_UNKNOWN', 'JOB_TYPE_BATCH', 'JOB_TYPE_STREAMING'] as const;

export const jobViews = [
  'JOB_VIEW_UNKNOWN',
  'JOB_VIEW_SUMMARY',
  'JOB_VIEW_ALL',
  'JOB_VIEW_DESCRIPTION',
] as const;

export type JobView = (typeof jobViews)[number];

export const jobFilters = ['UNKNOWN', 'ALL', 'TERMINATED', 'ACTIVE'] as const;

/** The order of their numbers, which is not that of their weight. */
export const importances = [
  'JOB_MESSAGE_IMPORTANCE_UNKNOWN',
  'JOB_MESSAGE_DEBUG',
  'JOB_MESSAGE_DETAILED',
  'JOB_MESSAGE_WARNING',
  'JOB_MESSAGE_ERROR',
  'JOB_MESSAGE_BASIC',
] as const;

export const executionStates = [
  'EXECUTION_STATE_UNKNOWN',
  'EXECUTION_STATE_NOT_STARTED',
  'EXECUTION_STATE_RUNNING',
  'EXECUTION_STATE_SUCCEEDED',
  'EXECUTION_STATE_FAILED',
  'EXECUTION_STATE_CANCELLED',
] as const;

export const templateViews = ['METADATA_ONLY'] as const;
export const ipConfigurations = ['WORKER_IP_UNSPECIFIED', 'WORKER_IP_PUBLIC', 'WORKER_IP_PRIVATE'] as const;
export const flexGoals = ['FLEXRS_UNSPECIFIED', 'FLEXRS_SPEED_OPTIMIZED', 'FLEXRS_COST_OPTIMIZED'] as const;

export const autoscalingAlgorithms = [
  'AUTOSCALING_ALGORITHM_UNKNOWN',
  'AUTOSCALING_ALGORITHM_NONE',
  'AUTOSCALING_ALGORITHM_BASIC',
] as const;

export const streamingModes = [
  'STREAMING_MODE_UNSPECIFIED',
  'STREAMING_MODE_EXACTLY_ONCE',
  'STREAMING_MODE_AT_LEAST_ONCE',
] as const;
