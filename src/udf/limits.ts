/** What an element may use where nothing else is said. */
import type { UdfLimits } from './frames.ts';

export const defaultLimits: UdfLimits = {
  timeoutMs: 1000,
  memoryMb: 128,
  maxOutputBytes: 10 * 1024 * 1024,
};
