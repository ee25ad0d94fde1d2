/** `sluice udf list` and `upload`: the library of this machine, or that of a server. */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { loadConfig } from '../config.ts';
import { SluiceError } from '../errors.ts';
import type { ListedUdf } from '../service/udfs.ts';
import { type CaseFile, readCases } from '../udf/cases.ts';
import type { LibraryUdf } from '../udf/library.ts';
import { type Client, connectIfNamed, type ServerOptions } from './client.ts';
import { printJson } from './output.ts';

export interface ListOptions extends ServerOptions {
  json?: boolean;
}

export interface UploadOptions extends ListOptions {
  name?: string;
  cases?: string;
}

/** What an upload came to. */
interface Uploaded {
  name: string;
  version: string;
  changed: boolean;
}

export async function listUdfs(options: ListOptions): Promise<void> {
  const udfs = await udfsOf(connectIfNamed(options));
  if (options.json) {
    printJson({ udfs });
    return;
  }
  const width = Math.max(...udfs.map(({ name }) => name.length));
  for (const { name, version, summary } of udfs)
    process.stdout.write(`udf://${name.padEnd(width)}  ${version}  ${summary}\n`);
}

/** On this machine with the files that they lie in. */
async function udfsOf(client: Client | undefined): Promise<(ListedUdf & Partial<LibraryUdf>)[]> {
  if (client) return (await client.get<{ udfs: ListedUdf[] }>('/api/udfs')).udfs;
  const [{ listUdfs: list }, { listLibrary }] = await Promise.all([
    import('../service/udfs.ts'),
    import('../udf/library.ts'),
  ]);
  const config = loadConfig();
  const files = new Map(listLibrary(config).map(udf => [udf.name, udf]));
  return list(config).map(udf => ({ ...udf, ...files.get(udf.name) }));
}

/** @throws SluiceError when the script does not load, or its cases are none */
export async function uploadUdf(file: string, options: UploadOptions): Promise<void> {
  const extension = extname(file);
  if (extension !== '.js' && extension !== '.mjs')
    throw new SluiceError('USAGE', `${file} is no script: its name must end in .js or .mjs`);
  const script = {
    name: options.name ?? basename(file, extension),
    source: textOf(file),
    module: extension === '.mjs',
  };
  const cases = options.cases === undefined ? undefined : readCases(options.cases);
  const client = connectIfNamed(options);
  const uploaded = client ? await putThere(client, script, cases) : await putHere(script, cases);
  const { name, version, changed } = uploaded;
  if (options.json) printJson(uploaded);
  else process.stdout.write(`udf://${name}@${version}${changed ? '' : ', which it was before'}\n`);
}

type Script = { name: string; source: string; module: boolean };

async function putThere(
  client: Client,
  { name, source, module }: Script,
  cases?: CaseFile,
): Promise<Uploaded> {
  const path = `/api/udfs/${encodeURIComponent(name)}`;
  const uploaded = await client.put<Uploaded>(path, {
    query: { module },
    body: source,
    contentType: 'text/javascript',
  });
  if (cases) await client.put(`${path}/cases`, { body: cases });
  return uploaded;
}

async function putHere(script: Script, cases?: CaseFile): Promise<Uploaded> {
  const [{ checkScript }, { saveCases, saveUdf }, { checkUdfName }] = await Promise.all([
    import('../tasks/try-udf.ts'),
    import('../udf/versions.ts'),
    import('../udf/library-path.ts'),
  ]);
  const { name, source, module } = script;
  checkUdfName(name);
  await checkScript({ name: `${name}${module ? '.mjs' : '.js'}`, source, module });
  const config = loadConfig();
  const saved = await saveUdf(config, script);
  if (cases) await saveCases(config, name, `${JSON.stringify(cases, undefined, 2)}\n`);
  return { name, ...saved };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SluiceError('INPUT_UNREADABLE', `${file} cannot be read: ${(error as Error).message}`);
  }
}
