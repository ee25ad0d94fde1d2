/** The library of functions, as the service keeps it: every script that was uploaded stays, under its hash. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { audit, auditEntries } from '../access/audit.ts';
import type { Caller } from '../access/roles.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { runTask } from '../tasks/run.ts';
import type { RunUdfAnswer, RunUdfRequest } from '../tasks/try-udf.ts';
import { type CaseFile, type CaseResult, casesOf, readCases } from '../udf/cases.ts';
import { type LibraryUdf, listLibrary } from '../udf/library.ts';
import { checkUdfName, libraryFile, ownFolder, versionOf } from '../udf/library-path.ts';
import { listVersions, saveCases, saveUdf, type UdfVersion } from '../udf/versions.ts';
import type { Service } from './service.ts';

export type { RunUdfAnswer } from '../tasks/try-udf.ts';
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

/**
 * Whether a script that was not uploaded does what the cases in this text say.
 * @throws SluiceError USAGE for the cases, UDF_SYNTAX, UDF_LOAD_FAILED or UDF_FUNCTION_MISSING for the script
 */
export const testScript = async (
  { config }: Service,
  { cases, ...script }: { source: string; module: boolean; cases: string },
  signal: AbortSignal,
): Promise<CaseResult[]> =>
  runTask(config, 'testScript', { ...script, cases: casesOf('cases.json', () => cases) }, { signal });

export interface UploadedVersion extends UdfVersion {
  /** Who uploaded it last; absent where it was not uploaded through a server. */
  who?: string;
}

/** The versions of a function with who uploaded them. */
export function versionsWithAuthors(
  { config, store }: Pick<Service, 'config' | 'store'>,
  name: string,
): UploadedVersion[] {
  const authors = new Map<unknown, { who: string; time: string }>();
  for (const { action, details, who, time } of auditEntries({ store }, { subject: name }, MAX_UPLOADS).items)
    if (action === 'udf.upload' && !authors.has(details.version)) authors.set(details.version, { who, time });
  return listVersions(config, name).map(each => ({ ...each, ...authors.get(each.version) }));
}

/** Of what was done to a function so much is looked at. */
const MAX_UPLOADS = 500;

export interface UdfUse {
  job: { id: string; name: string };
  /** Absent: the job follows the latest. */
  version?: string;
}

/** Which active jobs name which functions of the library in their parameters. */
export function usesOfUdfs({ store }: Pick<Service, 'store'>): Map<string, UdfUse[]> {
  const uses = new Map<string, UdfUse[]>();
  for (const { id, name, parameters } of store.jobs.list({ status: 'active' }, MAX_JOBS).items) {
    const paths = Object.values(parameters).flatMap(value =>
      typeof value === 'string' ? [...value.matchAll(LIBRARY_PATH)] : [],
    );
    for (const [, udf = '', version] of paths) {
      const known = uses.get(udf) ?? [];
      if (!known.some(({ job, version: other }) => job.id === id && other === version))
        known.push({ job: { id, name }, ...(version !== undefined && { version }) });
      uses.set(udf, known);
    }
  }
  return uses;
}

const MAX_JOBS = 500;
const LIBRARY_PATH = /udf:\/\/([\w-]{1,100})(?:@([0-9a-f]{12}))?/g;

/** What a function does to these elements; nothing is kept. */
export const runUdf = (
  { config }: Service,
  request: RunUdfRequest,
  signal: AbortSignal,
): Promise<RunUdfAnswer> => runTask(config, 'runUdf', request, { signal });
