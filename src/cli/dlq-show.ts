/** `sluice dlq list` and `show`. */
import { styleText } from 'node:util';
import { type Config, loadConfig } from '../config.ts';
import type { MissingLetters } from '../dlq/missing.ts';
import type { LetterGroup } from '../dlq/survey.ts';
import type { DeadLetter } from '../engine/dead-letter.ts';
import { openStore } from '../store/store.ts';
import { type Asked, type LetterList, listLetters, showLetters } from '../tasks/look-at-letters.ts';
import { connectIfNamed, type ServerOptions } from './client.ts';
import { printJson } from './output.ts';

export interface ListOptions extends Asked, ServerOptions {
  json?: boolean;
}

export interface ShowOptions extends ListOptions {
  limit: number;
}

export async function list(jobId: string, options: ListOptions): Promise<void> {
  const { json, code, subscription } = options;
  const query = { code, subscription };
  const client = connectIfNamed(options);
  const listed = client
    ? await client.get<LetterList>(lettersPath(jobId), { query })
    : await listLetters(homeOf(loadConfig()), jobId, query);
  if (json) printJson(listed);
  else process.stdout.write(describe(listed));
  warnOfMissing(listed.missing);
  if (listed.missing.length > 0) process.exitCode = 1;
}

/** Warns of letters that are not where their job put them. */
export function warnOfMissing(missing: readonly MissingLetters[]): void {
  for (const { job, counted, found, places, why } of missing)
    process.stderr.write(
      `warning: job ${job} counted ${counted} dead letters, ${found} are found in ${places.join(', ')}: ${why}\n`,
    );
}

function describe({ jobId, groups, deadLetters, waiting, faults, places }: LetterList): string {
  const lines = [
    bold(`${number(deadLetters)} dead letters of job ${jobId}, ${number(waiting)} of them wait for a replay`),
  ];
  const width = (key: 'code' | 'transform') =>
    Math.max(key.length, ...groups.map(group => shown(group[key]).length));
  const row = (group: Record<keyof LetterGroup, string>) =>
    `  ${group.count.padStart(9)} ${group.waiting.padStart(9)}  ${group.code.padEnd(width('code'))}  ` +
    `${group.transform.padEnd(width('transform'))}  ${group.message}`;
  const head = { count: 'count', waiting: 'waiting', code: 'code', transform: 'transform', id: '' };
  if (groups.length > 0) lines.push(row({ ...head, message: 'first message' }));
  for (const group of groups)
    lines.push(
      row({
        ...group,
        count: number(group.count),
        waiting: number(group.waiting),
        code: shown(group.code),
        transform: shown(group.transform),
        message: shown(group.message.split('\n')[0] ?? ''),
      }),
    );
  for (const place of places) lines.push(`  in ${shown(place)}`);
  if (faults.count > 0) lines.push(`  ${number(faults.count)} lines there are no dead letters:`);
  for (const fault of faults.first) lines.push(`    ${shown(fault)}`);
  return `${lines.join('\n')}\n`;
}

export async function show(jobId: string, id: string | undefined, options: ShowOptions): Promise<void> {
  const { json, code, subscription, limit } = options;
  const query = { code, subscription, limit, ...(id !== undefined && { id }) };
  const client = connectIfNamed(options);
  const letters = client
    ? await client
        .get<{ letters: DeadLetter[] }>(`${lettersPath(jobId)}/letters`, { query })
        .then(answer => answer.letters)
    : await showLetters(homeOf(loadConfig()), jobId, query);
  if (json) printJson({ jobId, letters });
  else process.stdout.write(letters.map(describeLetter).join('\n') || 'there are no dead letters\n');
}

function describeLetter(letter: DeadLetter): string {
  const { id, code, message, stack, payload, payloadBase64, attributes, ...rest } = letter;
  const lines = [bold(`${shown(code)}: ${shown(message)}`), `  id           ${shown(id)}`];
  for (const [name, value] of Object.entries(rest))
    lines.push(`  ${name.padEnd(12)} ${shown(String(value))}`);
  for (const [name, value] of Object.entries(attributes ?? {}))
    lines.push(`  attribute    ${shown(name)} = ${shown(value)}`);
  if (stack !== undefined) lines.push('  stack', ...indented(stack));
  if (payload === undefined) lines.push(`  payload, base64`, ...indented(payloadBase64 ?? ''));
  else lines.push('  payload', ...indented(pretty(payload)));
  return `${lines.join('\n')}\n`;
}

/** JSON over several lines, its numbers as they are written; other text as it is. */
function pretty(payload: string): string {
  try {
    const value = JSON.parse(payload, (_key, each, context?: { source?: string }) =>
      typeof each === 'number' && context?.source ? JSON.rawJSON(context.source) : each,
    );
    return typeof value === 'object' ? JSON.stringify(value, undefined, 2) : payload;
  } catch {
    return payload;
  }
}

const indented = (text: string): string[] => text.split('\n').map(line => `    ${shown(line)}`);

/** A letter may hold anything: nothing of it may speak to the terminal. */
const shown = (text: string): string =>
  text.replace(/[^\P{Cc}\t]/gu, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const lettersPath = (jobId: string): string => `/api/jobs/${encodeURIComponent(jobId)}/deadLetters`;

const homeOf = (config: Config) => ({ config, store: openStore(config) });

const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });
const number = (value: number): string => value.toLocaleString('en-US');
