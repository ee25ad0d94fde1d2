/** All pages. */
import type { Page } from '../page.ts';
import { catalogPage } from './catalog.ts';
import { launchAnswer, launchForm } from './launch.ts';

export const pages: readonly Page[] = [catalogPage, launchForm, launchAnswer];
