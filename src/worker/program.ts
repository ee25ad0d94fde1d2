/** A program of somebody else's as the graph of a job: one node, since what it does only it knows. */
import { defineTransform } from '../engine/component.ts';
import type { Graph } from '../engine/graph.ts';

/** The name of its node, under which its counters are kept. */
export const programStage = 'program';

/** Labels of an image by which the program in it says how it is to be treated. */
export const programLabels = {
  /** `true`: it never ends by itself, and can be drained. */
  streaming: 'sluice.streaming',
  /** `true`: it tells when it runs. */
  reports: 'sluice.reports',
} as const;

const component = defineTransform({
  name: 'Program',
  summary: 'A program in a container of its own.',
  config: { type: 'object' },
  examples: [],
  output: () => ({ form: 'row' }),
  open: () => Promise.reject(new Error('a program runs in its container')),
});

export const programGraph: Graph = {
  nodes: [
    {
      id: programStage,
      component,
      config: {},
      inputs: [],
      windowing: { type: 'global' },
      deadLetter: false,
    },
  ],
};
