/** Tries functions: whether they load, what they do to given elements, and whether they do what their cases say. */
import type { Config } from '../config.ts';
import type { Metadata } from '../engine/batch.ts';
import { SluiceError } from '../errors.ts';
import { type CaseFile, type CaseResult, readCases, runCases } from '../udf/cases.ts';
import { type Fate, fatesOf } from '../udf/fates.ts';
import type { UdfLimits, UdfScript } from '../udf/frames.ts';
import { listLibrary } from '../udf/library.ts';
import { defaultLimits } from '../udf/limits.ts';
import { loadScripts } from '../udf/load-scripts.ts';
import { openPool } from '../udf/pool.ts';
import { checkFunctionName } from '../udf/scripts.ts';

/** @throws SluiceError UDF_SYNTAX, UDF_LOAD_FAILED */
export async function checkScript(script: UdfScript): Promise<void> {
  try {
    await (await open({ scripts: [script] })).close();
  } catch (error) {
    // Which of its functions is called is for the job to say.
    if (!(error instanceof SluiceError) || error.code !== 'UDF_FUNCTION_MISSING') throw error;
  }
}

export interface RunUdfRequest {
  /** The script itself, or … */
  source?: string;
  /** … where it is: `udf://name[@version]`, `gs://…` or a local path. */
  path?: string;
  /** The source is an ES module. */
  module?: boolean;
  function?: string;
  elements: (string | { payload: string | object; context?: Metadata })[];
  limits?: Partial<UdfLimits>;
}

export interface RunUdfAnswer {
  /** The function that was called. */
  function: string;
  /** In the order of the elements; `ms` is how long each took, the way to the sandbox and back included. */
  results: (Fate & { index: number; ms: number })[];
}

/** Runs each element by itself. @throws SluiceError when the function cannot be loaded */
export async function runUdf(config: Config, request: RunUdfRequest): Promise<RunUdfAnswer> {
  const { source, path, module = false, function: name, elements, limits } = request;
  checkFunctionName(name);
  const scripts = path === undefined ? [scriptOf(source ?? '', module)] : await loadScripts(path, config);
  const pool = await open({ scripts, function: name, limits: { ...defaultLimits, ...limits } });
  try {
    const results: RunUdfAnswer['results'] = [];
    for (const [index, element] of elements.entries()) {
      const { payload, context = {} } = typeof element === 'string' ? { payload: element } : element;
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
      const started = performance.now();
      const [fate = { status: 'filtered' as const }] = await fatesOf(pool, [Buffer.from(text)], [context]);
      results.push({ index, ...fate, ms: Math.round((performance.now() - started) * 100) / 100 });
    }
    return { function: pool.function, results };
  } finally {
    await pool.close();
  }
}

/** Runs the cases of a UDF of the library. @throws SluiceError UDF_NOT_FOUND, also when it has no cases */
export async function testUdf(
  config: Config,
  { name, version }: { name: string; version?: string },
): Promise<CaseResult[]> {
  const scripts = await loadScripts(
    version === undefined ? `udf://${name}` : `udf://${name}@${version}`,
    config,
  );
  const cases = listLibrary(config).find(udf => udf.name === name)?.cases;
  if (cases !== undefined) return runCases(scripts, readCases(cases));
  throw new SluiceError('UDF_NOT_FOUND', `the UDF ${name} has no cases to test it by: upload some first`);
}

export interface TestScriptRequest {
  source: string;
  module: boolean;
  cases: CaseFile;
}

/** Runs cases on a script that is in no library yet. @throws SluiceError when it cannot be loaded */
export const testScript = ({ source, module, cases }: TestScriptRequest): Promise<CaseResult[]> =>
  runCases([scriptOf(source, module)], cases);

const scriptOf = (source: string, module: boolean): UdfScript => ({
  name: module ? 'udf.mjs' : 'udf.js',
  source,
  module,
});

function open({
  limits = defaultLimits,
  function: name,
  scripts,
}: {
  scripts: UdfScript[];
  function?: string;
  limits?: UdfLimits;
}) {
  return openPool({
    scripts,
    ...(name !== undefined && { function: name }),
    limits,
    rows: false,
    stage: 'JavaScriptUdf',
    slots: 1,
  });
}
