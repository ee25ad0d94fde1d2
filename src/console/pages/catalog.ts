/** The templates there are: search them, choose one. */
import { type OutlinedTemplate, outlinedTemplates } from '../../service/outlines.ts';
import type { Page } from '../page.ts';

const categories = [
  { id: '', name: 'All' },
  { id: 'GET_STARTED', name: 'Get started' },
  { id: 'STREAMING', name: 'Streaming' },
  { id: 'BATCH', name: 'Batch' },
  { id: 'UTILITIES', name: 'Utilities' },
];

/** What the address says. */
interface Asked {
  query: string;
  category: string;
  reads: string;
  writes: string;
}

export const catalogPage: Page = {
  method: 'get',
  path: '/templates',
  section: 'templates',
  role: 'viewer',
  async answer({ query: given, isFragment }, { config }) {
    const { query = '', category = '', reads = '', writes = '', spec = '' } = given;
    if (spec !== '') return { redirect: `/templates/${encodeURIComponent(pathOf(spec))}/launch` };
    const asked: Asked = { query, category, reads, writes };
    const all = await outlinedTemplates(config, {});
    const found = await outlinedTemplates(config, { query, ...(category !== '' && { category }) });
    const templates = found.filter(each => isAsked(each, asked)).sort(byUse);
    const model = {
      ...asked,
      isFiltered: placeOf({ ...asked, category: '' }) !== '/templates',
      templates,
      sources: choicesOf(all, 'reads', reads),
      sinks: choicesOf(all, 'writes', writes),
      tabs: categories.map(({ id, name }) => ({
        name,
        isCurrent: id === category,
        href: placeOf({ ...asked, category: id }),
      })),
    };
    if (isFragment) return { view: 'catalog-results', model, pushUrl: placeOf(asked) };
    return { view: 'catalog', title: 'Templates', model };
  },
};

/** A spec is told from a template by a slash in its path. */
const pathOf = (spec: string): string => (spec.includes('/') ? spec : `./${spec}`);

const isAsked = (template: OutlinedTemplate, { reads, writes }: Asked): boolean =>
  (reads === '' || template.reads.includes(reads)) && (writes === '' || template.writes.includes(writes));

/** The user's own first, then as the tabs stand, then by title. */
function byUse(a: OutlinedTemplate, b: OutlinedTemplate): number {
  const own = Number(b.origin === 'user') - Number(a.origin === 'user');
  return own || rankOf(a) - rankOf(b) || (titleOf(a) < titleOf(b) ? -1 : 1);
}

const rankOf = (template: OutlinedTemplate): number =>
  'fault' in template ? -1 : categories.findIndex(({ id }) => id === template.category);

const titleOf = (template: OutlinedTemplate): string => ('fault' in template ? template.id : template.title);

function choicesOf(all: readonly OutlinedTemplate[], key: 'reads' | 'writes', chosen: string) {
  const systems = new Set([...all.flatMap(each => each[key]), ...(chosen === '' ? [] : [chosen])]);
  return [...systems].sort().map(system => ({ system, isChosen: system === chosen }));
}

function placeOf(asked: Asked): string {
  const given = Object.entries(asked).filter(([, value]) => value !== '');
  return given.length > 0 ? `/templates?${new URLSearchParams(given)}` : '/templates';
}
