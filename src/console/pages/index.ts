/** All pages. */
import type { Page } from '../page.ts';
import { catalogPage } from './catalog.ts';

export const pages: readonly Page[] = [catalogPage];
