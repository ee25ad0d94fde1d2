/** One job: what it does, how it did over time, what it said, and how it is stopped. */

import { currentCatalog } from '../../catalog/cached.ts';
import type { Backlog } from '../../engine/gauges.ts';
import type { Graph } from '../../engine/graph.ts';
import { errorKinds, SluiceError } from '../../errors.ts';
import { jobGraph } from '../../service/graph.ts';
import { jobHistory, stageRates } from '../../service/history.ts';
import { type ShownJob, showJob } from '../../service/jobs.ts';
import type { Service } from '../../service/service.ts';
import { stopJob } from '../../service/stop.ts';
import { jobWorkers } from '../../service/workers.ts';
import { isEnded } from '../../store/states.ts';
import { pictureOf, pipelineNodes } from '../graph.ts';
import { bytes, count } from '../helpers.ts';
import { livePart } from '../live.ts';
import type { Page } from '../page.ts';
import { messagesOf } from './job-messages.ts';

const tabs = [
  { id: '', name: 'Overview' },
  { id: 'messages', name: 'Messages' },
  { id: 'parameters', name: 'Parameters' },
  { id: 'workers', name: 'Workers' },
] as const;

const common = { section: 'jobs', role: 'viewer' } as const;

export const jobPage: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id',
  async answer(request, service) {
    const { path, query, isFragment } = request;
    const job = await showJob(service, path.id ?? '');
    const tab = tabs.find(({ id }) => id === query.tab)?.id ?? '';
    const model = {
      ...(await overviewOf(service, job)),
      tab,
      tabs: tabs.map(({ id, name }) => ({
        name,
        isCurrent: id === tab,
        href: id === '' ? placeOf(job) : `${placeOf(job)}?tab=${id}`,
      })),
      ...(tab === 'messages' && { messages: messagesOf(service, job.id, query, !isEnded(job.state)) }),
      ...(tab === 'parameters' && { facts: factsOf(job) }),
      ...(tab === 'workers' && { each: await jobWorkers(service, job.id) }),
    };
    if (isFragment && tab === 'messages')
      return {
        view: 'job-messages',
        model,
        ...(query.tail !== 'true' && { pushUrl: model.messages?.here }),
      };
    return { view: 'job', title: job.name, model };
  },
};

export const jobLive: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/live',
  answer(request, service) {
    const { id = '' } = request.path;
    service.store.jobs.require(id);
    const make = async () => {
      const job = await showJob(service, id);
      return {
        html: await request.render('job-live', await overviewOf(service, job)),
        isLast: isEnded(job.state),
      };
    };
    const concerns = (event: { type: string; jobId?: string; job?: { id: string } }) =>
      event.jobId === id || event.job?.id === id;
    return { stream: livePart(service, { concerns, make }, request.signal) };
  },
};

/** For the charts: the points after a time. */
export const jobPoints: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/history',
  answer: async ({ path: { id = '' }, query }, service) => ({
    json: { points: await jobHistory(service, id, Number(query.after) || 0) },
  }),
};

/** What stopping means, before it is done. */
export const stopQuestion: Page = {
  ...common,
  method: 'get',
  path: '/jobs/:id/stop',
  async answer({ path: { id = '' }, query }, service) {
    const job = await showJob(service, id);
    const isDrain = query.how === 'drain';
    return { view: 'job-stop', title: `Stop ${job.name}`, model: { job, isDrain } };
  },
};

export const stopAnswer: Page = {
  ...common,
  role: 'operator',
  method: 'post',
  path: '/jobs/:id/stop',
  async answer({ path: { id = '' }, form, caller }, service) {
    const wish = form.how === 'drain' ? 'DRAINED' : form.how === 'cancel' ? 'CANCELLED' : undefined;
    if (!wish) throw new SluiceError('REQUEST_INVALID', 'how: must be drain or cancel');
    const { id: stopped } = await stopJob(service, id, wish, caller);
    return { redirect: `/jobs/${encodeURIComponent(stopped)}` };
  },
};

const placeOf = ({ id }: Pick<ShownJob, 'id'>): string => `/jobs/${encodeURIComponent(id)}`;

/** Everything of the job that changes while one looks. */
async function overviewOf(service: Service, job: ShownJob) {
  const { state, startTime, createTime, endTime, totals, watermark, result, streaming } = job;
  const until = endTime === undefined ? Date.now() : Date.parse(endTime);
  const graph = await jobGraph(service, job.id);
  const isLive = !isEnded(state);
  const elements = totals?.elements ?? { read: 0, written: 0, filtered: 0, deadLettered: 0 };
  const gauges = isLive ? service.store.progress.get(job.id)?.gauges : undefined;
  const error = result?.error;
  return {
    job,
    ...(await formOf(service, job)),
    isLive,
    live: `${placeOf(job)}/live`,
    seconds: (until - Date.parse(startTime ?? createTime)) / 1000,
    canDrain: isLive && streaming && state !== 'DRAINING' && state !== 'CANCELLING',
    canCancel: isLive && state !== 'CANCELLING',
    elements,
    bytes: totals?.bytes ?? {},
    shares: sharesOf(elements),
    isTold: totals !== undefined,
    ...(watermark !== undefined && isLive && { lagSeconds: Math.max(0, (Date.now() - watermark) / 1000) }),
    ...(gauges?.memoryBytes !== undefined && { memoryBytes: gauges.memoryBytes }),
    ...(gauges?.backlog && { backlog: inWords(gauges.backlog) }),
    ...(gauges?.latencyMs !== undefined && { latencySeconds: gauges.latencyMs / 1000 }),
    ...(graph && { picture: pictureWith(service, job, graph) }),
    ...(error && { error: { ...error, remedy: errorKinds[error.code as keyof typeof errorKinds]?.remedy } }),
    outputs: (result?.outputs ?? []).slice(0, 100),
  };
}

const inWords = ({ elements, bytes: left }: Backlog): string =>
  elements === undefined ? bytes(left) : `${count(elements)} element${elements === 1 ? '' : 's'}`;

/** Of a template that came in an image the spec tells what it takes. */
async function formOf({ config }: Service, { templateId, templatePath, owner }: ShownJob) {
  const listed = await (await currentCatalog(config)).list();
  const isOfCatalog = listed.some(({ id }) => id === templateId);
  const path = isOfCatalog ? templateId : owner === 'service' ? templatePath : undefined;
  return { isOfCatalog, ...(path && { form: `/templates/${encodeURIComponent(path)}/launch` }) };
}

/** In hundredths of what was read, for the bar; each that is not nothing can be seen. */
function sharesOf({
  written,
  filtered,
  deadLettered,
}: {
  written: number;
  filtered: number;
  deadLettered: number;
}) {
  const all = written + filtered + deadLettered;
  if (all === 0) return [];
  let x = 0;
  return [
    { name: 'written', count: written },
    { name: 'filtered', count: filtered },
    { name: 'dead', count: deadLettered },
  ].flatMap(({ name, count: part }) => {
    if (part === 0) return [];
    const width = Math.max(0.5, (part / all) * 100);
    const share = { name, x: x.toFixed(2), width: width.toFixed(2) };
    x += width;
    return [share];
  });
}

/** Beyond this share of its time a stage keeps the others waiting. */
const SLOW = 0.8;

function pictureWith(service: Service, job: ShownJob, graph: Graph) {
  const { counters = {}, startTime } = job;
  const isLive = !isEnded(job.state);
  const rates = isLive ? stageRates(service, job.id) : {};
  const busyMs = (isLive && service.store.progress.get(job.id)?.gauges?.busyMs) || {};
  const ranMs = (startTime ? Date.now() - Date.parse(startTime) : 0) * job.workers;
  const slowest = Object.entries(busyMs).sort(([, a], [, b]) => b - a)[0];
  const nodes = pipelineNodes(graph).map(node => {
    const rate = rates[node.id];
    const perSecond = rate && (node.kind === 'source' ? rate.given : rate.taken);
    const isFailing = (counters[node.id]?.failed ?? 0) > 0;
    const isSlow = slowest?.[0] === node.id && ranMs > 5000 && slowest[1] > SLOW * ranMs;
    return {
      ...node,
      ...(perSecond !== undefined && { note: `${count(perSecond)} per second` }),
      ...(isFailing ? { mark: 'failing' as const } : isSlow && { mark: 'slow' as const }),
    };
  });
  const labels = nodes.flatMap(({ id, inputs }) =>
    inputs.flatMap(({ from, output }) => {
      const of = counters[from];
      if (!of) return [];
      const passed = output === 'good' ? of.out : output === 'errors' ? of.failed : (of.named[output] ?? 0);
      return [[`${from}>${id}`, count(passed)]];
    }),
  );
  return pictureOf(nodes, Object.fromEntries(labels));
}

/** What it was launched with. */
function factsOf({ parameters, labels, environment, transformNameMapping }: ShownJob) {
  const listed = (values: object) =>
    Object.entries(values).map(([name, value]) => ({
      name,
      value: typeof value === 'string' ? value : JSON.stringify(value),
    }));
  return [
    { title: 'Parameters', values: listed(parameters) },
    { title: 'Labels', values: listed(labels) },
    { title: 'Environment', values: listed(environment) },
    { title: 'Renamed transforms', values: listed(transformNameMapping ?? {}) },
  ].filter(({ title, values }) => values.length > 0 || title === 'Parameters');
}
