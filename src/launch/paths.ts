/** Which paths a job may be given as parameters. */
import { resolve } from 'node:path';
import { kindOf } from '../catalog/kinds/index.ts';
import type { Template } from '../catalog/template.ts';
import { isObject } from '../cloud/objects/locate.ts';
import { isWithin, realPath } from '../cloud/roots.ts';
import { localPath } from '../cloud/storage.ts';
import { type Config, jobDirectory } from '../config.ts';
import type { Json } from '../engine/component.ts';
import type { Graph } from '../engine/graph.ts';
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

/**
 * Refuses a pipeline that names places in the folder of Sluice, other than where its own template puts dead letters.
 * @throws SluiceError PATH_FORBIDDEN
 */
export function requireOwnPlaces({ nodes }: Graph, jobId: string, config: Config): void {
  if (!config.roots) return;
  for (const { id, component, config: own } of nodes) {
    const { reads = [], writes = [] } = component.reach?.(own) ?? {};
    for (const path of [...reads, ...writes]) {
      if (path === undefined || isElsewhere(path, config) || path.startsWith('gs://')) continue;
      const real = realPath(resolve(path));
      const isForeign = real === undefined || isWithin(config.home, real);
      if (isForeign && !path.startsWith(`${jobDirectory(config, jobId)}/dead-letters/`))
        throw new SluiceError(
          'PATH_FORBIDDEN',
          `${id}: ${path} lies outside the folders that the server may use: use another path`,
        );
    }
  }
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
