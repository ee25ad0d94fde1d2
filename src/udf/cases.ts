/** Cases: examples of what a UDF does, kept beside it in `cases.json` and run by `sluice udf test`. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FromSchema } from 'json-schema-to-ts';
import type { Metadata } from '../engine/batch.ts';
import { SluiceError } from '../errors.ts';
import { type Fate, fatesOf } from './fates.ts';
import type { UdfScript } from './frames.ts';
import { defaultLimits } from './limits.ts';
import { openPool } from './pool.ts';

const value = { anyOf: [{ type: 'string' }, { type: 'object' }] } as const;

/** What a `cases.json` holds. */
export const caseFileSchema = {
  type: 'object',
  required: ['cases'],
  additionalProperties: false,
  properties: {
    function: { type: 'string', description: 'The function; default: `process`, or else `transform`.' },
    cases: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['name', 'input'],
        additionalProperties: false,
        oneOf: [{ required: ['output'] }, { required: ['filtered'] }, { required: ['error'] }],
        properties: {
          name: { type: 'string', minLength: 1 },
          input: { ...value, description: 'The payload; an object stands for its JSON.' },
          context: { type: 'object', description: 'What the second parameter gets.' },
          output: { ...value, description: 'The string returned; an object: its JSON, in any order.' },
          filtered: { const: true },
          error: { type: 'string', description: 'Part of the message, or the code.' },
        },
      },
    },
  },
} as const;

export interface UdfCase {
  name: string;
  input: string | object;
  context?: Metadata;
  output?: string | object;
  filtered?: true;
  error?: string;
}

export type CaseFile = Omit<FromSchema<typeof caseFileSchema>, 'cases'> & { cases: UdfCase[] };

/** What a case gave; `expected` and `actual` are there when it failed. */
export interface CaseResult {
  name: string;
  ok: boolean;
  expected?: string;
  actual?: string;
}

const validate = new Ajv2020({ allErrors: true, strict: false }).compile<CaseFile>(caseFileSchema);

/** Reads a `cases.json`; throws a SluiceError that names the file and what is wrong in it. */
export const readCases = (path: string): CaseFile => casesOf(path, () => readFileSync(path, 'utf8'));

/** The cases in a text; what is wrong is told of `path`. @throws SluiceError USAGE */
export function casesOf(path: string, read: () => string): CaseFile {
  let cases: unknown;
  try {
    cases = JSON.parse(read());
  } catch (error) {
    throw new SluiceError(
      'USAGE',
      `cannot read the cases in ${path}: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (validate(cases)) return cases;
  const violations = (validate.errors ?? []).map(({ instancePath, message = 'is not valid', params }) => ({
    subject: instancePath || '/',
    message: params.additionalProperty ? `${message}: ${params.additionalProperty}` : message,
  }));
  throw new SluiceError('USAGE', `${path} is not a file of cases`, { violations });
}

/** Runs the cases in the sandbox; throws when the UDF cannot be loaded. */
export async function runCases(
  scripts: UdfScript[],
  { function: name, cases }: CaseFile,
): Promise<CaseResult[]> {
  const pool = await openPool({
    scripts,
    ...(name !== undefined && { function: name }),
    limits: defaultLimits,
    rows: false,
    stage: 'JavaScriptUdf',
    slots: 1,
  });
  try {
    const fates = await fatesOf(
      pool,
      cases.map(({ input }) => Buffer.from(textOf(input))),
      cases.map(({ context = {} }) => context),
    );
    return cases.map((each, i) => judge(each, fates[i] ?? { status: 'filtered' }));
  } finally {
    await pool.close();
  }
}

const textOf = (given: string | object): string =>
  typeof given === 'string' ? given : JSON.stringify(given);

function judge(expected: UdfCase, fate: Fate): CaseResult {
  if (meets(expected, fate)) return { name: expected.name, ok: true };
  return { name: expected.name, ok: false, expected: expectation(expected), actual: account(fate) };
}

function meets({ output, filtered, error }: UdfCase, fate: Fate): boolean {
  if (filtered) return fate.status === 'filtered';
  if (error !== undefined) return fate.status === 'error' && `${fate.code}: ${fate.message}`.includes(error);
  if (fate.status !== 'output') return false;
  return typeof output === 'string'
    ? output === fate.payload
    : isDeepStrictEqual(output, parsed(fate.payload));
}

function expectation({ output, filtered, error }: UdfCase): string {
  if (filtered) return '(filtered)';
  return error === undefined ? pretty(output) : `(an error with ${JSON.stringify(error)})`;
}

function account(fate: Fate): string {
  if (fate.status === 'filtered') return '(filtered)';
  if (fate.status === 'error') return `(${fate.code}: ${fate.message})`;
  const value = parsed(fate.payload);
  return pretty(typeof value === 'object' && value !== null ? value : fate.payload);
}

const pretty = (given: unknown): string =>
  typeof given === 'string' ? given : JSON.stringify(given, undefined, 2);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
