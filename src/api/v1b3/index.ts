/** Dataflow's own operations, as its clients call them. */
import type { Operation } from '../operation.ts';

export const dataflowOperations: readonly Operation[] = [];
