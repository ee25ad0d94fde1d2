/** Sluice's own operations, below `/api`. */
import type { Operation } from '../operation.ts';
import { listAllJobs, showOneJob, streamAllEvents, streamJobEvents } from './jobs.ts';
import { listDeadLetters, replayDeadLetters, showDeadLetters } from './letters.ts';
import { createPreview } from './previews.ts';
import { getTemplateDetails, getTemplateReadme, listTemplates } from './templates.ts';
import { getUdf, getUdfVersion, listAllUdfs, putCases, putUdf, runSamples, testOneUdf } from './udfs.ts';

export const sluiceOperations: readonly Operation[] = [
  listTemplates,
  getTemplateDetails,
  getTemplateReadme,
  listAllJobs,
  showOneJob,
  streamJobEvents,
  streamAllEvents,
  listAllUdfs,
  getUdf,
  getUdfVersion,
  putUdf,
  putCases,
  testOneUdf,
  runSamples,
  createPreview,
  listDeadLetters,
  showDeadLetters,
  replayDeadLetters,
];
