/** `sluice udf test`: runs the cases that lie beside UDFs, in the sandbox, and reports like a test runner. */
import { styleText } from 'node:util';
import { loadConfig } from '../config.ts';
import { asSluiceError, type ErrorCode, SluiceError } from '../errors.ts';
import type { ListedUdf } from '../service/udfs.ts';
import { type CaseResult, readCases, runCases } from '../udf/cases.ts';
import { type LibraryUdf, listLibrary, udfsAt } from '../udf/library.ts';
import { readScripts } from '../udf/scripts.ts';
import { type Client, connectIfNamed, type ServerOptions } from './client.ts';
import { printJson } from './output.ts';
import type { ListOptions } from './udf-library.ts';

interface Report {
  udf: string;
  cases: CaseResult[];
  /** Why the UDF or its cases could not be loaded. */
  error?: { code: string; message: string };
}

/** Sets exit status 1 when a case fails, 2 when a UDF or its cases cannot be loaded. */
export async function testUdfs(paths: string[], { json, ...options }: ListOptions): Promise<void> {
  const reports: Report[] = [];
  for (const test of await testsOf(paths, options)) {
    const report = await test();
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

type Test = () => Promise<Report>;

/** What is in a library is tested where the library is; files are tested here. */
async function testsOf(paths: string[], options: ServerOptions): Promise<Test[]> {
  const client = connectIfNamed(options);
  const isThere = (path: string) => client !== undefined && path.startsWith(LIBRARY);
  const file = paths.find(path => !isThere(path));
  if (options.server !== undefined && file !== undefined)
    throw new SluiceError('USAGE', `${file} is no udf://name: a server tests what is in its library`);
  const here = paths.filter(path => !isThere(path));
  const local = client && here.length === 0 ? [] : udfsToTest(here);
  if (!client) return local.map(udf => () => testUdf(udf));
  const names =
    paths.length > 0 ? paths.filter(isThere).map(path => path.slice(LIBRARY.length)) : await namesOf(client);
  return [...local.map(udf => () => testUdf(udf)), ...names.map(name => () => testThere(client, name))];
}

const LIBRARY = 'udf://';

async function namesOf(client: Client): Promise<string[]> {
  const { udfs } = await client.get<{ udfs: ListedUdf[] }>('/api/udfs');
  return udfs.filter(({ hasCases }) => hasCases).map(({ name }) => name);
}

/** @param named `name` or `name@version` */
async function testThere(client: Client, named: string): Promise<Report> {
  const [name = '', version] = named.split('@');
  try {
    const path = `/api/udfs/${encodeURIComponent(name)}:test`;
    const { cases } = await client.post<{ cases: CaseResult[] }>(path, { body: { version } });
    return { udf: named, cases };
  } catch (error) {
    return reportOf(named, error);
  }
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
    return reportOf(name, error);
  }
}

/** @throws SluiceError where it is not the function that is at fault */
function reportOf(udf: string, thrown: unknown): Report {
  const error = asSluiceError(thrown);
  const { code, message, violations } = error;
  if (NOT_OURS.has(code)) throw error;
  const details = violations.map(({ subject, message: why }) => `; ${subject} ${why}`).join('');
  return { udf, cases: [], error: { code, message: message + details } };
}

const NOT_OURS: ReadonlySet<ErrorCode> = new Set([
  'SERVER_UNREACHABLE',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
]);

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
