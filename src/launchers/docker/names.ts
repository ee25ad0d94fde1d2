/** How containers, networks and secrets of a home are called, so that they are found again and nobody else's are. */
import { createHash } from 'node:crypto';
import { realPath } from '../../cloud/roots.ts';
import type { Config } from '../../config.ts';

export const labels = {
  home: 'sluice.home',
  job: 'sluice.job',
  worker: 'sluice.worker',
  token: 'sluice.token',
} as const;

/** Tells homes apart: several may use the same engine. */
export const homeHash = ({ home }: Config): string =>
  createHash('sha256')
    .update(realPath(home) ?? home)
    .digest('hex')
    .slice(0, 12);

export const containerName = (jobId: string, index: number): string => `sluice-${jobId}-${index}`;

export const networkName = (config: Config): string => `sluice-${homeHash(config)}`;

/** Filters for what carries labels of this home. */
export const ofHome = (config: Config, ...more: string[]): { label: string[] } => ({
  label: [`${labels.home}=${homeHash(config)}`, ...more],
});
