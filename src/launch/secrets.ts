/** Secrets that were given at a launch: they wait in a file of the job's folder, and all else has references to them. */
import { rmdir } from 'node:fs/promises';
import { kindOf } from '../catalog/kinds/index.ts';
import type { Template } from '../catalog/template.ts';
import { type Config, jobDirectory } from '../config.ts';
import { replaceFile } from '../engine/checkpoint.ts';
import type { Json } from '../engine/component.ts';
import { forgetSecrets, isSecretReference, jobReference, secretsFile } from '../engine/secrets.ts';
import type { Job } from '../worker/job-file.ts';

/** By the parameter that each was given in. */
export type Secrets = Readonly<Record<string, string>>;

/** Puts references where secrets were given. @param parameters as `validateParameters` gives them */
export function takeSecrets(
  template: Template,
  parameters: Readonly<Record<string, Json>>,
): { parameters: Record<string, Json>; secrets: Secrets } {
  const shown: Record<string, Json> = { ...parameters };
  const secrets: Record<string, string> = {};
  for (const [name, schema] of Object.entries(template.parameters.properties)) {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (typeof value !== 'string' || !kindOf(schema).secret || isSecretReference(value)) continue;
    secrets[name] = value;
    shown[name] = jobReference(name);
  }
  return { parameters: shown, secrets };
}

interface JobWithSecrets {
  job: Pick<Job, 'id'>;
  secrets?: Secrets;
}

/** Keeps the secrets of a job for its workers: to be called before it is launched. */
export async function keepSecrets(config: Config, { job, secrets = {} }: JobWithSecrets): Promise<void> {
  if (Object.keys(secrets).length > 0)
    await replaceFile(secretsFile(config, job.id), JSON.stringify(secrets));
}

/** Keeps the secrets of a job while `launch` launches it; when that fails nothing is left of them. */
export async function withSecrets<T>(
  config: Config,
  prepared: JobWithSecrets,
  launch: () => Promise<T>,
): Promise<T> {
  await keepSecrets(config, prepared);
  try {
    return await launch();
  } catch (error) {
    await forgetSecrets(config, prepared.job.id);
    // The folder was made for them, if it is empty now.
    await rmdir(jobDirectory(config, prepared.job.id)).catch(() => {});
    throw error;
  }
}
