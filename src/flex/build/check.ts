/** Whether the scripts of a packed template load, and do what their cases say. */
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { SluiceError } from '../../errors.ts';
import { type CaseResult, readCases, runCases } from '../../udf/cases.ts';
import type { UdfScript } from '../../udf/frames.ts';
import { defaultLimits } from '../../udf/limits.ts';
import { openPool } from '../../udf/pool.ts';
import type { PackedScript, PackedTemplate } from './pack.ts';

/**
 * Loads each script as it is packed, in the sandbox; with `cases` it runs the `cases.json` beside it too.
 * @throws SluiceError UDF_SYNTAX, UDF_LOAD_FAILED, TESTS_FAILED
 */
export async function checkScripts(
  { scripts }: PackedTemplate,
  { cases, tell }: { cases: boolean; tell(line: string): void },
): Promise<void> {
  for (const packed of scripts) {
    const { file, source } = packed;
    const script = { name: basename(file), source, module: extname(file) === '.mjs' };
    const beside = cases ? casesOf(packed, scripts) : undefined;
    if (beside === undefined) {
      await load(script);
      continue;
    }
    const results = await runCases([script], readCases(beside));
    const failed = results.filter(({ ok }) => !ok);
    if (failed[0]) throw failure(file, failed[0], failed.length);
    tell(`${file}: ${results.length} cases pass`);
  }
}

/** The cases in a folder are those of the only script there. */
function casesOf({ origin }: PackedScript, all: readonly PackedScript[]): string | undefined {
  const folder = dirname(origin);
  const cases = join(folder, 'cases.json');
  const isAlone = all.filter(each => dirname(each.origin) === folder).length === 1;
  return isAlone && existsSync(cases) ? cases : undefined;
}

async function load(script: UdfScript): Promise<void> {
  try {
    const pool = await openPool({
      scripts: [script],
      limits: defaultLimits,
      rows: false,
      stage: 'JavaScriptUdf',
      slots: 1,
    });
    await pool.close();
  } catch (error) {
    // Which function is called, only the template knows.
    if (!(error instanceof SluiceError && error.code === 'UDF_FUNCTION_MISSING')) throw error;
  }
}

function failure(file: string, { name, expected = '', actual = '' }: CaseResult, count: number): SluiceError {
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return new SluiceError(
    'TESTS_FAILED',
    `${file}: the case "${name}" gives ${onOneLine(actual)}, not ${onOneLine(expected)}${more}`,
  );
}

const onOneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');
