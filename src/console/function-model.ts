/** A function as its pages show it: what became of samples, what its cases gave, and which functions a script has. */
import { SluiceError } from '../errors.ts';
import type { RunUdfAnswer } from '../service/udfs.ts';
import type { CaseResult } from '../udf/cases.ts';
import { diffLines } from './line-diff.ts';
import { readable } from './preview-model.ts';

/** So many samples run at a time. */
export const MAX_SAMPLES = 50;
const MAX_FUNCTIONS = 50;
/** Of a sample beside what became of it. */
const MAX_SAMPLE_CHARACTERS = 300;

/** Where in the script something is wrong; the editor marks it. */
export interface Place {
  line: number;
  column: number;
}

/** Elements as they are typed: a JSON array of them, or one on each line. @throws SluiceError REQUEST_INVALID */
export function samplesIn(text: string): string[] {
  const samples = arrayIn(text)?.map(each => (typeof each === 'string' ? each : JSON.stringify(each)));
  const elements = samples ?? text.split(/\r?\n/).filter(line => line.trim() !== '');
  if (elements.length <= MAX_SAMPLES) return elements;
  throw new SluiceError(
    'REQUEST_INVALID',
    `There are ${elements.length} samples; ${MAX_SAMPLES} can be run at a time.`,
  );
}

function arrayIn(text: string): unknown[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    const given: unknown = JSON.parse(text);
    return Array.isArray(given) ? given : undefined;
  } catch {
    return undefined;
  }
}

/** What became of each sample. */
export function runModel({ function: name, results }: RunUdfAnswer, samples: readonly string[]) {
  const countOf = (wanted: string) => results.filter(({ status }) => status === wanted).length;
  return {
    name,
    output: countOf('output'),
    filtered: countOf('filtered'),
    failed: countOf('error'),
    results: results.map(result => {
      const { status, ms, index } = result;
      const shown = { ms, sample: samples[index]?.slice(0, MAX_SAMPLE_CHARACTERS), number: index + 1 };
      if (status === 'output') return { ...shown, output: readable(result.payload) };
      if (status === 'filtered') return { ...shown, isFiltered: true };
      const { code, message, stack } = result;
      return { ...shown, failure: { code, message, ...placeIn(stack ?? '') } };
    }),
  };
}

/** Why a script cannot be used. Its name stands before the place only for files. */
export const faultModel = ({ code, message, violations }: SluiceError) => ({
  code,
  message: message.replace(/^[\w-]+\.m?js:(?:\d+:\d+:)? */, ''),
  violations,
  ...placeIn(message),
});

/** The first place in a trace or a message: `… udf.js:2:13 …`. */
function placeIn(text: string): Place | undefined {
  const [, line, column] = /\.m?js:(\d+):(\d+)/.exec(text) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column) };
}

/** Which cases passed, and the difference where one did not. */
export const casesModel = (cases: readonly CaseResult[]) => ({
  passed: cases.filter(({ ok }) => ok).length,
  failed: cases.filter(({ ok }) => !ok).length,
  results: cases.map(({ name, ok, expected = '', actual = '' }) => ({
    name,
    ok,
    ...(!ok && { lines: diffLines(expected, actual) }),
  })),
});

const DECLARED =
  /^(?:export\s+(?:default\s+)?)?(?:async\s+)?(?:function\s*\*?\s*([A-Za-z_$][\w$]*)|(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*=>|[A-Za-z_$][\w$]*\s*=>))/gm;

/** The functions at the head of lines of a script: those that can be called are among them. */
export function functionsIn(source: string): string[] {
  const names = [...source.matchAll(DECLARED)].map(([, plain, assigned]) => plain ?? assigned ?? '');
  return [...new Set(names)].slice(0, MAX_FUNCTIONS);
}

/** Which of them is meant when nobody has said so. */
export function likelyFunction(names: readonly string[], name: string): string {
  const usual = ['process', 'transform', name, name.replaceAll('-', '_')];
  return usual.find(each => names.includes(each)) ?? names[0] ?? '';
}
