/** All pages. */
import type { Page } from '../page.ts';
import { catalogPage } from './catalog.ts';
import { launchAnswer, launchForm } from './launch.ts';
import { templatePage } from './template.ts';

export const pages: readonly Page[] = [catalogPage, templatePage, launchForm, launchAnswer];
