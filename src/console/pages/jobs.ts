/** All jobs: what they are at, and what came of them. */
import { type ListedJob, listJobs } from '../../service/jobs.ts';
import type { Service } from '../../service/service.ts';
import type { JobFilter } from '../../store/listing.ts';
import { isEnded, type JobState, jobStates } from '../../store/states.ts';
import { livePart } from '../live.ts';
import type { Page, PageRequest } from '../page.ts';

const PAGE = 50;

const kinds = [
  { id: '', name: 'All' },
  { id: 'active', name: 'Active' },
  { id: 'ended', name: 'Ended' },
  { id: 'FAILED', name: 'Failed' },
] as const;

export const jobsPage: Page = {
  method: 'get',
  path: '/jobs',
  section: 'jobs',
  role: 'viewer',
  async answer({ query, isFragment }, service) {
    const { items, nextPageToken } = await listJobs(service, filterOf(query), PAGE, query.page || undefined);
    const { show = '', name = '', template = '' } = query;
    const model = {
      rows: items.map(rowOf),
      isFiltered: show !== '' || name !== '' || template !== '',
      show,
      name,
      template,
      tabs: kinds.map(kind => ({
        name: kind.name,
        isCurrent: kind.id === show,
        href: placeOf({ ...query, show: kind.id, page: '' }),
      })),
      here: placeOf({ ...query, page: '' }),
      ...(nextPageToken !== undefined && { next: placeOf({ ...query, page: nextPageToken }) }),
      isFirst: !query.page,
      live: `/jobs/live?ids=${items.map(({ id }) => id).join(',')}`,
    };
    if (isFragment) return { view: 'jobs-results', model, pushUrl: placeOf(query) };
    return { view: 'jobs', title: 'Jobs', model };
  },
};

/** The rows of a page that is open, in their order, whatever has become of the jobs. */
export const jobsLive: Page = {
  method: 'get',
  path: '/jobs/live',
  section: 'jobs',
  role: 'viewer',
  async answer(request, service) {
    const ids = (request.query.ids ?? '').split(',').filter(Boolean).slice(0, PAGE);
    const latest = newestOf(service);
    const shown = new Set(ids);
    const make = async () => {
      const rows = await rowsOf(service, ids);
      const news = newerThan(service, latest);
      return { html: await request.render('jobs-live', { rows, news }) };
    };
    const concerns = (event: Parameters<Parameters<Service['supervisor']['subscribe']>[0]>[0]) =>
      event.type === 'state' || (event.type === 'progress' && shown.has(event.jobId));
    return { stream: livePart(service, { concerns, make }, request.signal) };
  },
};

async function rowsOf(service: Service, ids: readonly string[]) {
  const jobs = await Promise.all(
    ids.map(async id => {
      const record = service.store.jobs.get(id);
      return record ? (await listJobs(service, { id }, 1)).items : [];
    }),
  );
  return jobs.flat().map(rowOf);
}

const newestOf = ({ store }: Service): string => newest(store, 'active') ?? newest(store, 'ended') ?? '';

const newest = (store: Service['store'], status: 'active' | 'ended'): string | undefined =>
  store.jobs.list({ status }, 1).items[0]?.createTime;

/** How many active jobs have come since. */
const newerThan = ({ store }: Service, createTime: string): number =>
  store.jobs.list({ status: 'active' }, PAGE).items.filter(job => job.createTime > createTime).length;

function filterOf({ show = '', name = '', template = '' }: PageRequest['query']): JobFilter {
  const state = jobStates.find((each): each is JobState => each === show);
  return {
    ...(show === 'active' || show === 'ended' ? { status: show } : {}),
    ...(state && { state }),
    ...(name !== '' && { words: name.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 5) }),
    ...(template !== '' && { templateId: template }),
  };
}

function placeOf(query: Readonly<Record<string, string>>): string {
  const given = ['show', 'name', 'template', 'page'].flatMap(key => {
    const value = query[key];
    return value ? [[key, value]] : [];
  });
  return given.length > 0 ? `/jobs?${new URLSearchParams(given)}` : '/jobs';
}

function rowOf(job: ListedJob) {
  const { id, name, state, templateId, streaming, createTime, startTime, endTime, totals, rates, result } =
    job;
  const until = endTime === undefined ? Date.now() : Date.parse(endTime);
  return {
    id,
    name,
    state,
    isLive: !isEnded(state),
    template: templateId,
    streaming,
    started: startTime ?? createTime,
    seconds: (until - Date.parse(startTime ?? createTime)) / 1000,
    rate: rates?.elementsPerSecond,
    elements: totals?.elements ?? {},
    hasLetters: (totals?.elements.deadLettered ?? 0) > 0,
    fault: result?.error?.message,
  };
}
