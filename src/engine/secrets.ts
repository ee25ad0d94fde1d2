/**
 * Secrets in a pipeline are references, `secret://env/NAME`, `secret://file/PATH` or `secret://job/PARAMETER`. They become
 * values where a component is opened, only in what its schema marks `format: secret`: nothing can write or show one.
 */
import { readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';

/** Where secrets come from in this job. */
export interface SecretScope {
  config: Config;
  jobId: string;
  /** Those of a job that is not kept, e.g. a preview; absent: they are in its folder. */
  secrets?: Readonly<Record<string, string>>;
}

export const MAX_SECRET_BYTES = 1 << 16;

const REFERENCE = /^secret:\/\/(?:env\/([A-Za-z_]\w{0,254})|file(\/[^\0\r\n]+)|job\/([\w.-]{1,255}))$/;

export const isSecretReference = (text: string): boolean => REFERENCE.test(text);

/** What looks like a reference must be one: else a mistyped one would be taken for the secret itself. */
export const meansReference = (text: string): boolean => text.startsWith('secret://');

export const jobReference = (parameter: string): string => `secret://job/${parameter}`;

/** The file in which a job's own secrets wait for its workers. */
export const secretsFile = (config: Config, jobId: string): string =>
  join(jobDirectory(config, jobId), 'secrets.json');

/** A copy of the config with the values of its secrets. @throws SluiceError SECRET_NOT_FOUND, which never has a value */
export async function revealSecrets(schema: object, config: unknown, scope: SecretScope): Promise<unknown> {
  const { format, properties, items } = schema as { format?: string; properties?: object; items?: object };
  if (format === 'secret' && typeof config === 'string') return reveal(config, scope);
  if (Array.isArray(config) && items)
    return Promise.all(config.map(item => revealSecrets(items, item, scope)));
  if (typeof config !== 'object' || config === null || !properties) return config;
  const revealed: Record<string, unknown> = { ...config };
  for (const [name, property] of Object.entries(properties))
    if (Object.hasOwn(revealed, name)) revealed[name] = await revealSecrets(property, revealed[name], scope);
  return revealed;
}

/** The references in what `revealSecrets` would reveal. */
export function referencesIn(schema: object, config: unknown): string[] {
  const { format, properties, items } = schema as { format?: string; properties?: object; items?: object };
  if (format === 'secret') return typeof config === 'string' && meansReference(config) ? [config] : [];
  if (Array.isArray(config)) return items ? config.flatMap(item => referencesIn(items, item)) : [];
  if (typeof config !== 'object' || config === null || !properties) return [];
  const given: Record<string, unknown> = { ...config };
  return Object.entries(properties).flatMap(([name, property]) =>
    Object.hasOwn(given, name) ? referencesIn(property, given[name]) : [],
  );
}

/** Shorter ones are no secrets, and would riddle every message. */
const MIN_HIDDEN = 4;

const revealed = new Set<string>();

/** The text without the secrets that this process knows. */
export function hideSecrets(text: string): string {
  let hidden = text;
  for (const secret of revealed) hidden = hidden.replaceAll(secret, '***');
  return hidden;
}

async function reveal(text: string, scope: SecretScope): Promise<string> {
  const value = meansReference(text) ? await lookUp(text, scope) : text;
  // As it may stand in a message of whoever was given it: plain, in JSON, in a URL.
  for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])
    if (form.length >= MIN_HIDDEN) revealed.add(form);
  return value;
}

/**
 * What a reference means, to be given to those who cannot look it up themselves.
 * @throws SluiceError SECRET_NOT_FOUND
 */
export async function lookUp(reference: string, scope: SecretScope): Promise<string> {
  const { secretsFile: known } = scope.config;
  if (known !== undefined) return checked(reference, await fromKnown(reference, known));
  const [, variable, path, parameter] = REFERENCE.exec(reference) ?? [];
  if (variable !== undefined) return checked(reference, fromEnvironment(reference, variable, scope.config));
  if (path !== undefined) return checked(reference, await fromFile(reference, path, scope.config));
  if (parameter !== undefined) return checked(reference, await fromJob(reference, parameter, scope));
  throw notFound(
    reference,
    'it is none: write secret://env/NAME, or secret://file/PATH with the whole path of the file',
  );
}

/** In a container: whoever started it has looked up all that its pipeline refers to. */
async function fromKnown(reference: string, path: string): Promise<string> {
  const known: Record<string, string> = JSON.parse(await readFile(path, 'utf8'));
  const value = Object.hasOwn(known, reference) ? known[reference] : undefined;
  if (value !== undefined) return value;
  throw notFound(reference, 'the container was not given it');
}

function fromEnvironment(reference: string, name: string, { roots, secretEnv }: Config): string {
  if (roots && !secretEnv?.includes(name))
    throw notFound(reference, 'the server gives out only the variables that SLUICE_SECRET_ENV lists');
  const value = process.env[name];
  if (value === undefined) throw notFound(reference, 'the environment has no such variable');
  return value;
}

async function fromFile(reference: string, path: string, { roots, secretRoot }: Config): Promise<string> {
  try {
    const real = await realpath(path);
    // What lies elsewhere and what is not there are told apart by nothing.
    if (roots && !(await isBelow(secretRoot, real)))
      throw notFound(reference, 'there is no such file below SLUICE_SECRET_ROOT');
    const stats = await stat(real);
    if (!stats.isFile()) throw notFound(reference, 'it is not a regular file');
    if (stats.size > MAX_SECRET_BYTES + 2) throw tooLarge(reference);
    return (await readFile(real, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const where = roots ? ' below SLUICE_SECRET_ROOT' : '';
    const isMissing = roots || systemCode(error) === 'ENOENT';
    throw notFound(
      reference,
      isMissing ? `there is no such file${where}` : `it cannot be read (${systemCode(error)})`,
    );
  }
}

const isBelow = async (root: string | undefined, real: string): Promise<boolean> =>
  root !== undefined && real.startsWith(`${await realpath(root)}/`);

async function fromJob(reference: string, parameter: string, scope: SecretScope): Promise<string> {
  const secrets = scope.secrets ?? (await readSecrets(scope.config, scope.jobId));
  const value = Object.hasOwn(secrets, parameter) ? secrets[parameter] : undefined;
  if (value !== undefined) return value;
  throw notFound(reference, 'the job does not have it, or had it until it ended: give the parameter again');
}

/** The secrets that were given to a job, while it has not ended. */
export async function readSecrets(config: Config, jobId: string): Promise<Readonly<Record<string, string>>> {
  try {
    return JSON.parse(await readFile(secretsFile(config, jobId), 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    throw error;
  }
}

/** A job that has ended has no more use for them. One that failed may be resumed, and keeps them. */
export async function forgetSecrets(config: Config, jobId: string): Promise<void> {
  await rm(secretsFile(config, jobId), { force: true });
}

function checked(reference: string, value: string): string {
  if (value === '') throw notFound(reference, 'it is empty');
  if (Buffer.byteLength(value) > MAX_SECRET_BYTES) throw tooLarge(reference);
  return value;
}

const tooLarge = (reference: string): SluiceError =>
  notFound(reference, `it has more than ${MAX_SECRET_BYTES} bytes`);

const notFound = (reference: string, why: string): SluiceError =>
  new SluiceError('SECRET_NOT_FOUND', `${reference.slice(0, 300)}: ${why}`);
