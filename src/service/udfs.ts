/** The library of functions, as the service keeps it: every script that was uploaded stays, under its hash. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { audit } from '../access/audit.ts';
import type { Caller } from '../access/roles.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { runTask } from '../tasks/run.ts';
import type { RunUdfAnswer, RunUdfRequest } from '../tasks/try-udf.ts';
import { type CaseFile, type CaseResult, readCases } from '../udf/cases.ts';
import { type LibraryUdf, listLibrary } from '../udf/library.ts';
import { checkUdfName, libraryFile, ownFolder, versionOf } from '../udf/library-path.ts';
import { listVersions, saveCases, saveUdf, type UdfVersion } from '../udf/versions.ts';
import type { Service } from './service.ts';

export { caseFileSchema } from '../udf/cases.ts';

export interface ListedUdf {
  name: string;
  summary: string;
  /** A sample that comes with Sluice, or the user's own. */
  origin: 'sample' | 'user';
  /** The one that `udf://name` means. */
  version: string;
  module: boolean;
  hasCases: boolean;
}

export interface ShownUdf extends ListedUdf {
  source: string;
  /** The newest first. */
  versions: UdfVersion[];
  cases?: CaseFile;
}

/** All functions, by name. */
export const listUdfs = (config: Config): ListedUdf[] =>
  listLibrary(config).map(udf => listed(udf, readFileSync(udf.script), config));

/** @throws SluiceError UDF_NOT_FOUND */
export function showUdf(config: Config, name: string): ShownUdf {
  const udf = listLibrary(config).find(each => each.name === name);
  if (!udf) throw new SluiceError('UDF_NOT_FOUND', `there is no UDF ${JSON.stringify(name)} in the library`);
  const content = readFileSync(udf.script);
  return {
    ...listed(udf, content, config),
    source: content.toString(),
    versions: listVersions(config, name),
    ...(udf.cases !== undefined && { cases: readCases(udf.cases) }),
  };
}

function listed({ name, script, summary, cases }: LibraryUdf, content: Buffer, config: Config): ListedUdf {
  return {
    name,
    summary,
    origin: script.startsWith(ownFolder(config)) ? 'user' : 'sample',
    version: versionOf(content),
    module: extname(script) === '.mjs',
    hasCases: cases !== undefined,
  };
}

/** @throws SluiceError UDF_NOT_FOUND */
export function showVersion(config: Config, name: string, version: string) {
  const { file, module } = libraryFile(`udf://${name}@${version}`, config);
  return { name, version, module, source: readFileSync(file, 'utf8') };
}

/** Makes a script the latest of its name, if it loads. @throws SluiceError UDF_SYNTAX, UDF_LOAD_FAILED */
export async function uploadUdf(
  service: Service,
  script: { name: string; source: string; module: boolean },
  caller: Caller,
  signal: AbortSignal,
): Promise<{ name: string; version: string; changed: boolean }> {
  const { config } = service;
  const { name, source, module } = script;
  checkUdfName(name);
  if (source.trim() === '')
    throw new SluiceError('REQUEST_INVALID', 'the body is the script, and it is empty');
  const file = { name: `${name}${module ? '.mjs' : '.js'}`, source, module };
  await runTask(config, 'checkScript', file, { signal });
  const { version, changed } = await saveUdf(config, script);
  if (changed) audit(service, caller, 'udf.upload', name, { version });
  return { name, version, changed };
}

/** @throws SluiceError UDF_NOT_FOUND when there is no uploaded script of that name */
export async function uploadCases(
  service: Service,
  name: string,
  cases: CaseFile,
  caller: Caller,
): Promise<{ name: string; cases: number }> {
  await saveCases(service.config, name, `${JSON.stringify(cases, undefined, 2)}\n`);
  audit(service, caller, 'udf.cases', name);
  return { name, cases: cases.cases.length };
}

/** Whether a function does what its cases say. @throws SluiceError when it, or they, cannot be loaded */
export async function testUdf(
  { config }: Service,
  asked: { name: string; version?: string },
  signal: AbortSignal,
): Promise<{ passed: number; failed: number; cases: CaseResult[] }> {
  checkUdfName(asked.name);
  const cases = await runTask(config, 'testUdf', asked, { signal });
  const failed = cases.filter(({ ok }) => !ok).length;
  return { passed: cases.length - failed, failed, cases };
}

/** What a function does to these elements; nothing is kept. */
export const runUdf = (
  { config }: Service,
  request: RunUdfRequest,
  signal: AbortSignal,
): Promise<RunUdfAnswer> => runTask(config, 'runUdf', request, { signal });
