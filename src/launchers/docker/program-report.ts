/** What a program says, as far as it may be believed: one line at a time, in words that the worker protocol has. */
import { emptyCounters } from '../../engine/counters.ts';
import { withoutCommands } from '../../worker/check-told.ts';
import { programStage } from '../../worker/program.ts';
import type { Severity, WorkerProgress } from '../../worker/protocol.ts';

/** What it has told until now. A program that is followed anew goes on with it. */
export interface ProgramReport {
  isRunning: boolean;
  progress: WorkerProgress;
  outputs: string[];
  /** Which numbers of elements it has reported. */
  told?: string[];
  /** Why it says that it failed. */
  failure?: string;
}

export type Said = { severity: Severity; text: string } | undefined;

export const emptyReport = (): ProgramReport => ({
  isRunning: false,
  progress: { counters: { [programStage]: emptyCounters() } },
  outputs: [],
});

/** Longer texts are cut: a message is read by people. */
const MAX_TEXT = 4000;
const MAX_COUNTERS = 200;
const MAX_OUTPUTS = 1000;
const MAX_OUTPUT = 1024;
/** Watermarks further ahead are no times at which something happened. */
const MAX_AHEAD_MS = 86_400_000;
/** It means nothing on an object of JavaScript. */
const COUNTER_NAME = /^[A-Za-z][\w./: -]{0,99}$/;

/**
 * Notes what a line of its standard output says; gives what is to be shown of it. A line that is no report of a known
 * kind is a message itself.
 */
export function noteLine(report: ProgramReport, line: string): Said {
  const said = objectIn(line);
  switch (said?.type) {
    case 'running':
      report.isRunning = true;
      return undefined;
    case 'progress':
      return noteProgress(report, said);
    case 'outputs':
      return noteOutputs(report, said.paths);
    case 'failed':
      report.failure ??= failureOf(said);
      return undefined;
    case 'message':
      return messageOf(said, said.text);
    default:
      return typeof said?.message === 'string' ? messageOf(said, said.message) : plain(line);
  }
}

/** What is odd about what it has reported when it ends well: all four numbers of its books, which do not balance. */
export function imbalanceOf({ told = [], progress }: ProgramReport): string | undefined {
  const count = progress.counters[programStage];
  if (!count || [...elementCounts.keys()].some(name => !told.includes(name))) return undefined;
  const { in: read, out: written, filtered, failed } = count;
  if (read === written + filtered + failed) return undefined;
  return `the books do not balance: the program reports ${read} elements read, but ${written} written, ${filtered} filtered and ${failed} dead-lettered`;
}

/** What lines say to people: messages have their text, and reports are left out. */
export const withoutReports = (text: string): string =>
  text
    .split('\n')
    .flatMap(line => noteLine(emptyReport(), line)?.text ?? [])
    .join('\n');

/** A line of any kind as a message. */
export function plain(line: string): Said {
  const text = shown(line).trimEnd();
  return text === '' ? undefined : { severity: 'INFO', text };
}

function objectIn(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What it counts stands for what it counted before: each report has all of it, or only what has changed. */
function noteProgress(report: ProgramReport, said: Record<string, unknown>): Said {
  const { progress } = report;
  const faults: string[] = [];
  const count = progress.counters[programStage] ?? emptyCounters();
  progress.counters[programStage] = count;
  const elements = countsIn(said.elements, 'elements', faults);
  for (const [name, value] of elements) {
    const key = elementCounts.get(name);
    if (key) {
      count[key] = value;
      report.told = [...new Set([...(report.told ?? []), name])];
    } else faults.push(`elements.${name} is none of ${[...elementCounts.keys()].join(', ')}`);
  }
  for (const [name, value] of countsIn(said.counters, 'counters', faults)) {
    if (!Object.hasOwn(count.named, name) && Object.keys(count.named).length >= MAX_COUNTERS)
      faults.push(`counters.${name} is one too many: ${MAX_COUNTERS} are kept`);
    else count.named[name] = value;
  }
  if (said.watermark !== undefined) {
    const time = typeof said.watermark === 'string' ? Date.parse(said.watermark) : Number.NaN;
    if (time >= 0 && time <= Date.now() + MAX_AHEAD_MS) progress.watermark = time;
    else faults.push('watermark is no time of the past in RFC 3339');
  }
  if (faults.length === 0) return undefined;
  return { severity: 'WARNING', text: shown(`a progress report is wrong: ${faults.slice(0, 3).join('; ')}`) };
}

const elementCounts: ReadonlyMap<string, 'in' | 'out' | 'filtered' | 'failed'> = new Map([
  ['read', 'in'],
  ['written', 'out'],
  ['filtered', 'filtered'],
  ['deadLettered', 'failed'],
] as const);

function countsIn(value: unknown, what: string, faults: string[]): [string, number][] {
  if (value === undefined) return [];
  if (!isObject(value)) {
    faults.push(`${what} is no object`);
    return [];
  }
  return Object.entries(value).flatMap(([name, count]): [string, number][] => {
    if (COUNTER_NAME.test(name) && !(name in {}) && isCount(count)) return [[name, count]];
    faults.push(`${what}.${name.slice(0, 80)} must be a whole number from 0, and its name plain`);
    return [];
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function noteOutputs({ outputs }: ProgramReport, paths: unknown): Said {
  if (!Array.isArray(paths)) return { severity: 'WARNING', text: 'outputs must have a list of paths' };
  const known = new Set(outputs);
  for (const path of paths.slice(0, MAX_OUTPUTS))
    if (typeof path === 'string' && path !== '' && path.length <= MAX_OUTPUT && known.size < MAX_OUTPUTS)
      known.add(withoutCommands(path));
  outputs.push(...[...known].slice(outputs.length));
  return undefined;
}

function failureOf({ code, message }: Record<string, unknown>): string {
  const why = typeof message === 'string' ? message : 'it does not say why';
  return shown(typeof code === 'string' ? `${code.slice(0, 100)}: ${why}` : why);
}

/** As log libraries call them. */
const severities: Readonly<Record<string, Severity>> = {
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  NOTICE: 'INFO',
  WARN: 'WARNING',
  WARNING: 'WARNING',
  ERROR: 'ERROR',
  CRITICAL: 'ERROR',
  FATAL: 'ERROR',
  ALERT: 'ERROR',
  EMERGENCY: 'ERROR',
};

function messageOf({ severity }: Record<string, unknown>, text: unknown): Said {
  const name = typeof severity === 'string' ? severity.toUpperCase() : 'INFO';
  const said = plain(typeof text === 'string' ? text : JSON.stringify(text ?? ''));
  return (
    said && { ...said, severity: Object.hasOwn(severities, name) ? (severities[name] ?? 'INFO') : 'INFO' }
  );
}

function shown(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return withoutCommands(short.replaceAll('\r', ''));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
