/** `sluice udf test`: runs the cases that lie beside UDFs, in the sandbox, and reports like a test runner. */
import { styleText } from 'node:util';
import { loadConfig } from '../config.ts';
import { asSluiceError, SluiceError } from '../errors.ts';
import { type CaseResult, readCases, runCases } from '../udf/cases.ts';
import { type LibraryUdf, listLibrary, udfsAt } from '../udf/library.ts';
import { readScripts } from '../udf/scripts.ts';
import { printJson } from './output.ts';

interface Report {
  udf: string;
  cases: CaseResult[];
  /** Why the UDF or its cases could not be loaded. */
  error?: { code: string; message: string };
}

/** Sets exit status 1 when a case fails, 2 when a UDF or its cases cannot be loaded. */
export async function testUdfs(paths: string[], json: boolean): Promise<void> {
  const reports: Report[] = [];
  for (const udf of udfsToTest(paths)) {
    const report = await testUdf(udf);
    reports.push(report);
    if (!json) process.stdout.write(reportText(report));
    if (report.error) process.exitCode = 2;
  }
  const cases = reports.flatMap(report => report.cases);
  const failed = cases.filter(({ ok }) => !ok).length;
  if (failed > 0) process.exitCode ??= 1;
  const totals = {
    passed: cases.length - failed,
    failed,
    broken: reports.filter(({ error }) => error).length,
  };
  if (json) printJson({ ...totals, udfs: reports });
  else process.stdout.write(totalsText(totals));
}

function udfsToTest(paths: string[]): LibraryUdf[] {
  const config = loadConfig();
  const named = paths.flatMap(path => udfsAt(path, config));
  const bare = named.find(({ cases }) => cases === undefined);
  if (bare) throw new SluiceError('USAGE', `${bare.script} has no cases.json beside it to test it by`);
  return paths.length > 0 ? named : listLibrary(config).filter(({ cases }) => cases !== undefined);
}

async function testUdf({ name, script, cases = '' }: LibraryUdf): Promise<Report> {
  try {
    return { udf: name, cases: await runCases(readScripts(script, loadConfig()), readCases(cases)) };
  } catch (error) {
    const { code, message, violations } = asSluiceError(error);
    const details = violations.map(({ subject, message: why }) => `; ${subject} ${why}`).join('');
    return { udf: name, cases: [], error: { code, message: message + details } };
  }
}

function reportText({ udf, cases, error }: Report): string {
  const lines = [udf];
  if (error) lines.push(`  ${styleText('red', 'not ok')} ${error.message} [${error.code}]`);
  for (const { name, ok, expected = '', actual = '' } of cases) {
    lines.push(`  ${ok ? styleText('green', 'ok') : styleText('red', 'not ok')} ${name}`);
    if (!ok) lines.push(...diff(expected.split('\n'), actual.split('\n')).map(line => `      ${line}`));
  }
  return `${lines.join('\n')}\n`;
}

/** Lines that are only expected, only there, or both; what the two have in common at either end is not repeated. */
function diff(expected: string[], actual: string[]): string[] {
  let head = 0;
  while (head < expected.length && expected[head] === actual[head]) head++;
  let tail = 0;
  const most = Math.min(expected.length, actual.length) - head;
  while (tail < most && expected.at(-1 - tail) === actual.at(-1 - tail)) tail++;
  const changed = (lines: string[]) => lines.slice(head, lines.length - tail);
  return [
    ...expected.slice(0, head).map(line => `  ${line}`),
    ...changed(expected).map(line => styleText('green', `- ${line}`)),
    ...changed(actual).map(line => styleText('red', `+ ${line}`)),
    ...expected.slice(expected.length - tail).map(line => `  ${line}`),
  ];
}

function totalsText({ passed, failed, broken }: { passed: number; failed: number; broken: number }): string {
  const loads = broken > 0 ? `, ${broken} could not be loaded` : '';
  return `\n${passed} passed, ${failed} failed${loads}${failed > 0 ? ' (- expected, + actual)' : ''}\n`;
}
