/** `sluice dlq list` and `show`. */
import { styleText } from 'node:util';
import { type Config, loadConfig } from '../config.ts';
import { noteTaken } from '../dlq/ledger.ts';
import { missingLetters, tallied } from '../dlq/missing.ts';
import { readLetters } from '../dlq/read.ts';
import { isWanted, type LetterGroup, type Survey, surveyLetters, type Wanted } from '../dlq/survey.ts';
import type { DeadLetter } from '../engine/dead-letter.ts';
import { SluiceError } from '../errors.ts';
import { loadState } from '../jobs/job.ts';
import { findLetters, type JobLetters, placeNames, warnOfMissing } from './dlq-letters.ts';
import { printJson } from './output.ts';

export interface ListOptions {
  code?: string;
  subscription?: string;
  json?: boolean;
}

export interface ShowOptions extends ListOptions {
  limit: number;
}

export async function list(jobId: string, { code, subscription, json }: ListOptions): Promise<void> {
  const config = loadConfig();
  const letters = await findLetters(config, jobId, subscription);
  const wanted: Wanted = { jobs: letters.jobs, code };
  const tally = new Map<string, number>();
  const survey = await surveyLetters(
    tallied(readLetters(letters.places, config), tally),
    wanted,
    await takenOf(config, letters),
  );
  const places = placeNames(letters.places);
  const missing = missingLetters(letters.counted, tally);
  if (json) {
    const { groups, count, waiting, faults } = survey;
    const replays = letters.replays.map(({ id }) => id);
    printJson({ jobId, deadLetters: count, waiting, groups, places, replays, missing, faults });
  } else process.stdout.write(describe(jobId, survey, places));
  warnOfMissing(missing);
  if (missing.length > 0) process.exitCode = 1;
}

async function takenOf(config: Config, { replays }: JobLetters): Promise<Set<string>> {
  const taken = new Set<string>();
  for (const { id } of replays)
    if ((await loadState(config, id))?.state !== 'CANCELLED') await noteTaken(config, id, taken);
  return taken;
}

function describe(jobId: string, { groups, count, waiting, faults }: Survey, places: string[]): string {
  const lines = [
    bold(`${number(count)} dead letters of job ${jobId}, ${number(waiting)} of them wait for a replay`),
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

export async function show(
  jobId: string,
  id: string | undefined,
  { code, limit, subscription, json }: ShowOptions,
): Promise<void> {
  const config = loadConfig();
  const { jobs, places } = await findLetters(config, jobId, subscription);
  const wanted: Wanted = { jobs, code, ...(id !== undefined && { ids: new Set([id]) }) };
  const letters: DeadLetter[] = [];
  for await (const found of readLetters(places, config)) {
    if ('letter' in found && isWanted(found.letter, wanted)) letters.push(found.letter);
    if (letters.length >= limit) break;
  }
  if (id !== undefined && letters.length === 0)
    throw new SluiceError('DEAD_LETTER_NOT_FOUND', `job ${jobId} has no dead letter ${id}`);
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

const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });
const number = (value: number): string => value.toLocaleString('en-US');
