/**
 * Names of output files, as Beam's windowed writes make them: prefix + shard template + suffix, with date patterns
 * in the folders. Two of Beam's habits are mended: a letter of the shard template and a date pattern count only
 * where no other letter touches them (`-SNAP-` and `recommendation/` stay what they are).
 */

import type { Window } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';

export interface Naming {
  /** Folder and file name prefix, e.g. `gs://bucket/YYYY/MM/dd/output`. */
  prefix: string;
  suffix: string;
  /** `S…` shard, `N…` number of shards (as many digits), `W` window, `P` pane. */
  shardTemplate: string;
  patterns: DatePatterns;
}

export interface DatePatterns {
  year: string;
  month: string;
  day: string;
  hour: string;
  minute: string;
}

export const DEFAULT_PATTERNS: DatePatterns = {
  year: 'YYYY',
  month: 'MM',
  day: 'dd',
  hour: 'HH',
  minute: 'mm',
};

export interface Pane {
  index: number;
  /** Holds elements that came after the window's first pane was published. */
  late: boolean;
}

/** The path of a shard. @param window absent for what is not windowed: then date patterns stay as they are */
export function fileName(
  naming: Naming,
  shard: { index: number; count: number },
  window?: Window,
  pane?: Pane,
): string {
  const { folder, name } = splitPrefix(naming.prefix);
  const letters = (match: string): string => {
    if (match === 'W') return window ? `${iso(window.start)}-${iso(window.end)}` : 'GlobalWindow';
    if (match === 'P') return pane ? `pane-${pane.index}-${pane.late ? 'late' : 'last'}` : 'pane-0-last';
    return String(match.startsWith('S') ? shard.index : shard.count).padStart(match.length, '0');
  };
  const template = naming.shardTemplate.replace(/(?<![A-Za-z])(?:S+|N+|W|P)(?![A-Za-z])/g, letters);
  return `${window ? datedFolder(folder, window, naming.patterns) : folder}${name}${template}${naming.suffix}`;
}

/** The folder with its date patterns replaced by the end of the window, in UTC; a bucket's name is left alone. */
export function datedFolder(folder: string, window: Window, patterns: DatePatterns): string {
  const root = /^(?:(?:gs|s3):\/\/[^/]*)?/.exec(folder)?.[0] ?? '';
  let dated = folder.slice(root.length);
  for (const kind of ['year', 'month', 'day', 'hour', 'minute'] as const) {
    const pattern = patterns[kind];
    dated = dated.replace(standalone(pattern), formatDate(pattern, kind, new Date(window.end)));
  }
  return root + dated;
}

/** The part of a folder that no date pattern changes: where files wait until they are published. */
export function fixedFolder(prefix: string, patterns: DatePatterns): string {
  const { folder } = splitPrefix(prefix);
  const segments = folder.split('/');
  const changing = segments.findIndex(segment =>
    Object.values(patterns).some(each => standalone(each).test(segment)),
  );
  return changing < 0 ? folder : `${segments.slice(0, changing).join('/')}/`;
}

/** How configs of sinks name the patterns. */
export interface PatternConfig {
  year_pattern?: string;
  month_pattern?: string;
  day_pattern?: string;
  hour_pattern?: string;
  minute_pattern?: string;
}

export const patternsOf = (config: PatternConfig): DatePatterns => ({
  year: config.year_pattern ?? DEFAULT_PATTERNS.year,
  month: config.month_pattern ?? DEFAULT_PATTERNS.month,
  day: config.day_pattern ?? DEFAULT_PATTERNS.day,
  hour: config.hour_pattern ?? DEFAULT_PATTERNS.hour,
  minute: config.minute_pattern ?? DEFAULT_PATTERNS.minute,
});

/** The folder that a sink makes all its files in. */
export const outputFolder = (config: PatternConfig & { path: string }): string =>
  fixedFolder(config.path, patternsOf(config)) || './';

/** The folder (with its slash) and the rest of a path prefix. */
function splitPrefix(prefix: string): { folder: string; name: string } {
  const slash = prefix.lastIndexOf('/') + 1;
  return { folder: prefix.slice(0, slash), name: prefix.slice(slash) };
}

/** Matches a pattern that no letter touches. A pattern may have one sign on each side, which goes with it: `{mm}`. */
function standalone(pattern: string): RegExp {
  const literal = pattern.replace(/[^A-Za-z0-9]/g, '\\$&');
  return new RegExp(`(?<![A-Za-z])${literal}(?![A-Za-z])`, 'g');
}

function formatDate(pattern: string, kind: keyof DatePatterns, date: Date): string {
  const letters = /[A-Za-z]+/.exec(pattern)?.[0] ?? '';
  const value = dateField(letters, kind, date);
  const text = kind === 'year' && letters.length === 2 ? String(value % 100) : String(value);
  return text.padStart(letters.length, '0');
}

function dateField(letters: string, kind: keyof DatePatterns, date: Date): number {
  if (kind === 'year') return date.getUTCFullYear();
  if (kind === 'month') return date.getUTCMonth() + 1;
  if (kind === 'hour') return date.getUTCHours();
  if (kind === 'minute') return date.getUTCMinutes();
  // Joda's `D` is the day of the year.
  if (letters.startsWith('D')) {
    return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  }
  return date.getUTCDate();
}

const PATTERN_LETTERS = {
  year: /^(?:y+|Y+)$/,
  month: /^M+$/,
  day: /^(?:d+|D+)$/,
  hour: /^H+$/,
  minute: /^m+$/,
};

/** @throws SluiceError PIPELINE_INVALID for a pattern that could not name its field */
export function checkPatterns(patterns: DatePatterns): void {
  for (const [kind, pattern] of Object.entries(patterns)) {
    const letters = /^[^A-Za-z0-9/]?([A-Za-z]+)[^A-Za-z0-9/]?$/.exec(pattern)?.[1];
    if (!letters || !PATTERN_LETTERS[kind as keyof DatePatterns].test(letters)) {
      throw new SluiceError(
        'PIPELINE_INVALID',
        `"${pattern}" is no pattern for the ${kind}, e.g. ${DEFAULT_PATTERNS[kind as keyof DatePatterns]}`,
      );
    }
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();
