/** `sluice jobs show` and `sluice jobs metrics`. */
import { isEnded } from '../store/states.ts';
import { connect, type ServerOptions } from './client.ts';
import { bold, count, size } from './live.ts';
import { printJson } from './output.ts';
import { findJob, type ServedJob, totalsOf } from './server-job.ts';
import { age, clock, fitTerminal, printable, table } from './tables.ts';

export interface JobOptions extends ServerOptions {
  json?: boolean;
}

/** What the other columns leave of 80. */
const TRANSFORM_WIDTH = 28;

export async function show(idOrName: string, options: JobOptions): Promise<void> {
  const job = await findJob(connect(options), idOrName);
  if (options.json) printJson(job);
  else process.stdout.write(showText(job));
}

export async function metrics(idOrName: string, options: JobOptions): Promise<void> {
  const job = await findJob(connect(options), idOrName);
  const { id, state, counters = {}, watermark } = job;
  if (options.json)
    printJson({
      jobId: id,
      state,
      totals: totalsOf(job),
      counters,
      ...(watermark !== undefined && { watermark }),
    });
  else process.stdout.write(metricsText(job));
}

/** The whole of a job, for a terminal. */
export function showText(job: ServedJob, now = Date.now()): string {
  const { name, state, stateTime, result, parameters } = job;
  const sections = [
    `${bold(state)}  ${name}, ${isEnded(state) ? `${age(stateTime, now)} ago` : `for ${age(stateTime, now)}`}`,
    pairs(factsOf(job, now)),
    pairs(
      Object.entries(parameters).map(([key, value]) => [key, textOf(value)]),
      'parameters',
    ),
    pairs(
      countedBy(job).map(([name, value]) => [name, count(value)]),
      'counted by the program',
    ),
    result && result.outputs.length > 0
      ? ['  outputs', ...result.outputs.map(each => `    ${each}`)].join('\n')
      : '',
    result?.error ? `  ${result.error.code}: ${printable(result.error.message)}` : '',
  ];
  return `${sections.filter(section => section !== '').join('\n')}\n`;
}

type Fact = [name: string, value: string | undefined];

function factsOf(job: ServedJob, now: number): Fact[] {
  const { elements, bytes } = totalsOf(job);
  const reasons = Object.entries(job.result?.errors ?? {}).map(([code, times]) => `${code} ${count(times)}`);
  // Those that begin so are Dataflow's own, and repeat what stands above.
  const labels = Object.entries(job.labels).filter(([key]) => !key.startsWith('goog-'));
  const counted = (value: number, note = '') => `${count(value).padStart(12)}   ${note}`.trimEnd();
  return [
    ['id', job.id],
    ['template', [job.templateId ?? 'pipeline', job.streaming ? 'streaming' : 'batch'].join(', ')],
    ['project', `${job.projectId}, ${job.location}`],
    ['launched', `${clock(job.createTime)} by ${job.launchedBy}`],
    ['ended', job.endTime && clock(job.endTime)],
    ['workers', `${job.workers}${job.restarts > 0 ? `, restarts: ${count(job.restarts)}` : ''}`],
    ...containerFacts(job),
    ['labels', labels.map(([key, value]) => `${key}=${value}`).join(', ') || undefined],
    ['asked to be', isEnded(job.state) ? undefined : job.wish],
    ['replaces', job.replaces],
    ['replaced by', job.replacedBy],
    ['replay of', job.replayOf],
    ['read', counted(elements.read, size(bytes.read))],
    ['written', counted(elements.written, size(bytes.written))],
    ['filtered', counted(elements.filtered)],
    ['dead-lettered', counted(elements.deadLettered, reasons.join(', '))],
    [
      'watermark',
      job.watermark === undefined ? undefined : `${count((now - job.watermark) / 1000)} s behind`,
    ],
  ];
}

function containerFacts({ container }: ServedJob): Fact[] {
  if (!container) return [];
  const { image, digest, imageId, limits, network } = container;
  const cores = `${limits.cpus} ${limits.cpus === 1 ? 'core' : 'cores'}`;
  return [
    ['image', image],
    ['content', digest ?? imageId],
    ['limits', `${memory(limits.memoryBytes)} of memory, ${cores}, ${count(limits.pids)} processes`],
    ['network', network],
  ];
}

const MIB = 1 << 20;
const GIB = 1024 * MIB;

/** In the units that `--memory` is given in. */
const memory = (bytes: number): string =>
  bytes < GIB ? `${Math.round(bytes / MIB)} MiB` : `${Number((bytes / GIB).toFixed(1))} GiB`;

/** A program counts what it likes beside the elements. */
const countedBy = ({ container, counters }: ServedJob): [string, number][] =>
  container?.isProgram ? Object.entries(counters?.program?.named ?? {}) : [];

/** A name and a value a line, below a heading. */
function pairs(facts: readonly Fact[], heading?: string): string {
  const given = facts.filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  const width = Math.max(14, ...given.map(([name]) => name.length + 2));
  const indent = heading ? '    ' : '  ';
  const lines = given.map(([name, value]) => `${indent}${name.padEnd(width)}${printable(String(value))}`);
  return [...(heading ? [`  ${heading}`] : []), ...lines].join('\n');
}

const textOf = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

/** A line for each transform; `fit` brings a name to the width of its column. */
export function metricsText({ counters = {} }: ServedJob, fit = fitTerminal): string {
  const rows = Object.entries(counters).map(([transform, { in: taken, out, filtered, failed }]) => [
    fit(transform, TRANSFORM_WIDTH),
    ...[taken, out, filtered, failed].map(count),
  ]);
  if (rows.length === 0) return 'nothing counted yet\n';
  return table([['TRANSFORM', 'IN', 'OUT', 'FILTERED', 'FAILED'], ...rows], [1, 2, 3, 4]);
}
