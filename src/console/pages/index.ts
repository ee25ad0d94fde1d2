/** All pages. */
import type { Page } from '../page.ts';
import { catalogPage } from './catalog.ts';
import { functionAnswer, functionPage, newFunction, newFunctionAnswer } from './function.ts';
import { functionRestore, functionVersions } from './function-versions.ts';
import { functionsPage } from './functions.ts';
import { jobLive, jobPage, jobPoints, stopAnswer, stopQuestion } from './job.ts';
import { jobsLive, jobsPage } from './jobs.ts';
import { launchAnswer, launchForm } from './launch.ts';
import {
  jobLettersPage,
  letterPage,
  letterPayload,
  lettersCounted,
  lettersFound,
  lettersPage,
  replayAnswer,
} from './letters.ts';
import { auditPage, systemPage, systemState, tokenCreation, tokenRevocation, tokensPage } from './system.ts';
import { templatePage } from './template.ts';

export const pages: readonly Page[] = [
  catalogPage,
  templatePage,
  launchForm,
  launchAnswer,
  jobsPage,
  jobsLive,
  jobPage,
  jobLive,
  jobPoints,
  stopQuestion,
  stopAnswer,
  functionsPage,
  newFunction,
  newFunctionAnswer,
  functionPage,
  functionAnswer,
  functionVersions,
  functionRestore,
  lettersPage,
  jobLettersPage,
  lettersFound,
  lettersCounted,
  letterPage,
  letterPayload,
  replayAnswer,
  systemPage,
  systemState,
  tokensPage,
  tokenCreation,
  tokenRevocation,
  auditPage,
];
