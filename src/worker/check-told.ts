/**
 * What a worker tells, as far as it may be believed: it comes from a container that may be anybody's. What is of the
 * wrong type, too long or too much is refused; what is kept has known fields only.
 */
import { emptyCounters, type StageCounters } from '../engine/counters.ts';
import type { Gauges } from '../engine/gauges.ts';
import { SluiceError } from '../errors.ts';
import type { LoggedEvent, NotedEvent } from './event-log.ts';
import type { WorkerProgress } from './protocol.ts';

const MAX_STAGES = 2000;
/** Of one stage: its further outputs, its error codes. */
const MAX_COUNTS = 500;
const MAX_NAME = 1024;
const MAX_PLACE = 512;
const MAX_TEXT = 16_384;
export const MAX_OUTPUTS = 10_000;
const MAX_OUTPUT = 4096;
/** What a date can be made of that has a year of four digits. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31);

const SEVERITIES = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const;
const STATES = ['DONE', 'DRAINED', 'CANCELLED', 'HANDED_OVER'] as const;
const { named: _, errors: __, ...SUMS } = emptyCounters();
const SUMMABLE = Object.keys(SUMS) as (keyof typeof SUMS)[];

/**
 * The event that a parsed line holds; undefined for one of a kind that we do not know.
 * @throws SluiceError WORKER_FAULTY
 */
export function checkLogged(line: unknown): LoggedEvent | undefined {
  const { at, event } = fieldsOf(line, 'an event');
  const noted = checkEvent(fieldsOf(event, 'an event'));
  return noted && { at: textOf(at, 'the place of an event', MAX_PLACE), event: noted };
}

/** @throws SluiceError WORKER_FAULTY */
export function checkProgress(value: unknown): WorkerProgress {
  const { counters, watermark, gauges } = fieldsOf(value, 'the progress');
  const stages = entriesOf(counters, 'the counters', MAX_STAGES);
  return {
    counters: Object.fromEntries(stages.map(([stage, count]) => [stage, stageOf(count)])),
    ...(watermark !== undefined && { watermark: watermarkOf(watermark) }),
    ...(gauges !== undefined && { gauges: gaugesOf(gauges) }),
  };
}

function gaugesOf(value: unknown): Gauges {
  const { busyMs, latencyMs, memoryBytes, backlog } = fieldsOf(value, 'the gauges');
  const { elements, bytes } = backlog === undefined ? {} : fieldsOf(backlog, 'the backlog');
  const stages = entriesOf(busyMs, 'the times of the stages', MAX_STAGES);
  return {
    busyMs: Object.fromEntries(stages.map(([stage, ms]) => [stage, countOf(ms)])),
    ...(latencyMs !== undefined && { latencyMs: countOf(latencyMs) }),
    ...(memoryBytes !== undefined && { memoryBytes: countOf(memoryBytes) }),
    ...(backlog !== undefined && {
      backlog: {
        ...(elements !== undefined && { elements: countOf(elements) }),
        ...(bytes !== undefined && { bytes: countOf(bytes) }),
      },
    }),
  };
}

function checkEvent(event: Record<string, unknown>): NotedEvent | undefined {
  const { type, severity, text, stage, time, state, progress, outputs, code, message } = event;
  switch (type) {
    case 'started':
    case 'running':
      return { type };
    case 'message':
      return {
        type,
        severity: oneOf(SEVERITIES, severity, 'the severity of a message'),
        text: shownText(text, 'a message', MAX_TEXT),
        ...(stage !== undefined && { stage: shownText(stage, 'the stage of a message', MAX_NAME) }),
        time: timeOf(time),
      };
    case 'ended':
      return {
        type,
        state: oneOf(STATES, state, 'the end of a worker'),
        progress: checkProgress(progress),
        outputs: outputsOf(outputs),
      };
    case 'failed':
      return {
        type,
        code: codeOf(code),
        message: shownText(message, 'a failure', MAX_TEXT),
        ...(progress !== undefined && { progress: checkProgress(progress) }),
      };
    default:
      return undefined;
  }
}

function stageOf(value: unknown): StageCounters {
  const { named, errors, ...sums } = fieldsOf(value, 'the counters of a stage');
  const counts = SUMMABLE.map(key => [key, countOf(sums[key])] as const);
  return {
    ...(Object.fromEntries(counts) as Record<(typeof SUMMABLE)[number], number>),
    named: countsOf(named),
    errors: countsOf(errors),
  };
}

const countsOf = (value: unknown): Record<string, number> =>
  Object.fromEntries(
    entriesOf(value, 'counters by name', MAX_COUNTS).map(([name, count]) => [name, countOf(count)]),
  );

function countOf(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw faulty('a counter is no count');
}

function watermarkOf(value: unknown): number {
  if (typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS) return value;
  throw faulty('the watermark is no time');
}

/** A message is worth more than its time. */
function timeOf(value: unknown): string {
  const ms = typeof value === 'string' && value.length <= MAX_PLACE ? Date.parse(value) : Number.NaN;
  return new Date(ms >= 0 && ms <= MAX_TIME_MS ? ms : Date.now()).toISOString();
}

function codeOf(value: unknown): string {
  if (typeof value === 'string' && /^[A-Z][A-Z0-9_]{0,99}$/.test(value)) return value;
  throw faulty('the code of a failure is none');
}

function outputsOf(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > MAX_OUTPUTS)
    throw faulty('the outputs are no list, or too many');
  return value.map(each => shownText(each, 'an output', MAX_OUTPUT));
}

function oneOf<T extends string>(known: readonly T[], value: unknown, what: string): T {
  const found = known.find(each => each === value);
  if (found === undefined) throw faulty(`${what} is not one of ${known.join(', ')}`);
  return found;
}

const shownText = (value: unknown, what: string, maxLength: number): string =>
  withoutCommands(textOf(value, what).slice(0, maxLength));

/** Whatever shows a text, a terminal too, gets no commands with it. */
export const withoutCommands = (text: string): string => text.replace(/[^\P{Cc}\t\n]/gu, '\ufffd');

function textOf(value: unknown, what: string, maxLength = Number.POSITIVE_INFINITY): string {
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw faulty(`${what} is no text, or too long`);
}

function entriesOf(value: unknown, what: string, max: number): [string, unknown][] {
  const entries = Object.entries(fieldsOf(value, what));
  if (entries.length > max) throw faulty(`${what} are more than ${max}`);
  for (const [name] of entries)
    if (name.length > MAX_NAME || name === '__proto__')
      throw faulty(`${what} have a name that none may have`);
  return entries;
}

function fieldsOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw faulty(`${what} is no object`);
  return value as Record<string, unknown>;
}

const faulty = (why: string): SluiceError =>
  new SluiceError('WORKER_FAULTY', `what a worker tells is wrong: ${why}`);
