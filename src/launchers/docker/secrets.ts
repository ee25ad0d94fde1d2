/** What only the containers of one job may know: a folder in memory, mounted where nobody else sees it. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import { lookUp, referencesIn } from '../../engine/secrets.ts';
import type { JobContainer } from '../../worker/container.ts';
import { graphOf } from '../../worker/graph.ts';
import type { Job } from '../../worker/job-file.ts';
import { homeHash } from './names.ts';
import { giveFolder } from './owner.ts';

/** Where they lie in the container. */
export const SECRETS = '/run/secrets';

/** By the name of its file. */
export type SecretFiles = Record<string, string>;

/** A file system in memory; without one they lie in the folder of the job, on the disk. */
const MEMORY = '/dev/shm';

/** Ends of names that no parameter has, since there they would be files of their own. */
const files = { references: 'references.json', google: 'google.json', aws: 'aws-credentials' } as const;

/** The files of a worker of Sluice's own, and the variables that name them. */
export async function workerSecrets(
  config: Config,
  job: Job,
  { access = [] }: JobContainer,
): Promise<{ files: SecretFiles; environment: Record<string, string> }> {
  const given: SecretFiles = {};
  const environment: Record<string, string> = {};
  const give = (name: string, variable: string, content: string | undefined) => {
    if (content === undefined) return;
    given[name] = content;
    environment[variable] = `${SECRETS}/${name}`;
  };
  give(files.references, 'SLUICE_SECRETS_FILE', await referencesOf(config, job));
  if (access.includes('google') && config.googleCredentials !== undefined)
    give(files.google, 'GOOGLE_APPLICATION_CREDENTIALS', await readFile(config.googleCredentials, 'utf8'));
  if (access.includes('aws')) give(files.aws, 'AWS_SHARED_CREDENTIALS_FILE', await awsCredentials());
  return { files: given, environment };
}

async function referencesOf(config: Config, job: Job): Promise<string> {
  const references = graphOf(job).nodes.flatMap(node => referencesIn(node.component.config, node.config));
  const known: Record<string, string> = {};
  for (const reference of references) known[reference] = await lookUp(reference, { config, jobId: job.id });
  return JSON.stringify(known);
}

/** As the files of AWS have them, whether the environment or a file says who we are. */
async function awsCredentials(): Promise<string | undefined> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: key, AWS_SESSION_TOKEN: token } = process.env;
  if (id && key)
    return [
      `[${process.env.AWS_PROFILE || 'default'}]`,
      `aws_access_key_id = ${id}`,
      `aws_secret_access_key = ${key}`,
      ...(token ? [`aws_session_token = ${token}`] : []),
      '',
    ].join('\n');
  const path = process.env.AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws', 'credentials');
  return readFile(path, 'utf8').catch(() => undefined);
}

/** Where the secrets of a worker lie on this machine, as far as it has any. */
export function secretsFolder(config: Config, jobFile: string, jobId: string, index: number): string {
  return existsSync(MEMORY)
    ? join(MEMORY, `${prefixOf(config)}${jobId}-${index}`)
    : join(dirname(jobFile), `secrets-${index}`);
}

const prefixOf = (config: Config): string => `sluice-${homeHash(config)}-`;

/** Puts them there, for the user of containers only. */
export async function keepSecretFiles(folder: string, secrets: SecretFiles): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  for (const [name, content] of Object.entries(secrets))
    await writeFile(join(folder, name), content, { mode: 0o400 });
  giveFolder(folder);
}

export async function removeSecretFiles(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** Removes the secrets of this home whose containers have gone. @param isKept told the job's id and the worker's number */
export async function removeLeftSecrets(config: Config, isKept: (worker: string) => boolean): Promise<void> {
  const prefix = prefixOf(config);
  for (const name of await readdir(MEMORY).catch(() => []))
    if (name.startsWith(prefix) && !isKept(name.slice(prefix.length)))
      await removeSecretFiles(join(MEMORY, name));
}
