/** The templates there are: search them, choose one. */
import { searchTemplates } from '../../service/catalog.ts';
import type { Page } from '../page.ts';

const categories = [
  { id: '', name: 'All' },
  { id: 'GET_STARTED', name: 'Get started' },
  { id: 'STREAMING', name: 'Streaming' },
  { id: 'BATCH', name: 'Batch' },
  { id: 'UTILITIES', name: 'Utilities' },
];

export const catalogPage: Page = {
  method: 'get',
  path: '/templates',
  section: 'templates',
  role: 'viewer',
  async answer({ query: { query = '', category = '' }, isFragment }, { config }) {
    const templates = await searchTemplates(config, { query, ...(category !== '' && { category }) });
    const model = {
      query,
      category,
      templates,
      tabs: categories.map(({ id, name }) => ({
        name,
        isCurrent: id === category,
        href: placeOf(query, id),
      })),
    };
    if (isFragment) return { view: 'catalog-results', model, pushUrl: placeOf(query, category) };
    return { view: 'catalog', title: 'Templates', model };
  },
};

function placeOf(query: string, category: string): string {
  const asked = new URLSearchParams({ ...(query !== '' && { query }), ...(category !== '' && { category }) });
  return asked.size > 0 ? `/templates?${asked}` : '/templates';
}
