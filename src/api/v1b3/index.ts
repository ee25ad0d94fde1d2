/** Dataflow's own operations, as its clients call them. */
import type { Operation } from '../operation.ts';
import { getTemplate } from './get-template.ts';
import { aggregatedListJobs, createJob, getJob, listJobs } from './jobs.ts';
import { createJobFromTemplate, launchFlexTemplate, launchTemplate } from './launches.ts';
import { listJobMessages } from './messages.ts';
import { getJobExecutionDetails, getJobMetrics, getStageExecutionDetails } from './metrics.ts';
import { deleteSnapshot, getSnapshot, listJobSnapshots, listSnapshots, snapshotJob } from './snapshots.ts';
import { updateJob } from './update-job.ts';

export const dataflowOperations: readonly Operation[] = [
  launchFlexTemplate,
  launchTemplate,
  createJobFromTemplate,
  getTemplate,
  createJob,
  listJobs,
  aggregatedListJobs,
  getJob,
  updateJob,
  listJobMessages,
  getJobMetrics,
  getJobExecutionDetails,
  getStageExecutionDetails,
  snapshotJob,
  listJobSnapshots,
  listSnapshots,
  getSnapshot,
  deleteSnapshot,
];
