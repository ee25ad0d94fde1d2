/** All pages. */
import type { Page } from '../page.ts';
import { catalogPage } from './catalog.ts';
import { jobLive, jobPage, jobPoints, stopAnswer, stopQuestion } from './job.ts';
import { jobsLive, jobsPage } from './jobs.ts';
import { launchAnswer, launchForm } from './launch.ts';
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
  systemPage,
  systemState,
  tokensPage,
  tokenCreation,
  tokenRevocation,
  auditPage,
];
