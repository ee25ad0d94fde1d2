/** Sluice's own operations, below `/api`. */
import type { Operation } from '../operation.ts';

export const sluiceOperations: readonly Operation[] = [];
