/** Which paths a job may be given as parameters. */
import { kindOf } from '../catalog/kinds/index.ts';
import type { Template } from '../catalog/template.ts';
import { isObject } from '../cloud/objects/locate.ts';
import { localPath } from '../cloud/storage.ts';
import type { Config } from '../config.ts';
import type { Json } from '../engine/component.ts';
import { SluiceError, type Violation } from '../errors.ts';

/**
 * Refuses paths that its workers may not use, before there is a job.
 * @throws SluiceError PATH_FORBIDDEN that names the parameters
 */
export function requireAllowedPaths(
  { parameters: { properties } }: Template,
  parameters: Readonly<Record<string, Json>>,
  config: Config,
): void {
  const violations: Violation[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    const schema = properties[name];
    if (!schema || !kindOf(schema).isPath || typeof value !== 'string') continue;
    const message = isElsewhere(value, config) ? undefined : faultOf(value, config);
    if (message !== undefined) violations.push({ subject: name, message });
  }
  if (violations.length === 0) return;
  const details = violations.map(({ subject, message }) => `${subject}: ${message}`).join('; ');
  throw new SluiceError('PATH_FORBIDDEN', details, { violations });
}

const isElsewhere = (path: string, config: Config): boolean =>
  path.startsWith('udf://') || isObject(path, config);

/** What else may be wrong with a path, its stage tells. */
function faultOf(path: string, config: Config): string | undefined {
  try {
    localPath(path, config);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'PATH_FORBIDDEN') return error.message;
  }
  return undefined;
}
