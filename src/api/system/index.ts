/** What concerns the server itself: health, figures, access. */
import type { Operation } from '../operation.ts';
import { listAudit } from './audit.ts';
import { getHealth, getReadiness } from './health.ts';
import { getMetrics } from './metrics.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';

export const systemOperations: readonly Operation[] = [
  getHealth,
  getReadiness,
  getMetrics,
  listAudit,
  listTokens,
  createToken,
  revokeToken,
];
