/** Flatten: several inputs into one. */
import { defineTransform } from '../engine/component.ts';

export const flatten = defineTransform({
  name: 'Flatten',
  summary: 'Merges its inputs.',
  description:
    'All inputs hold the same kind of element. Rows pass as they are: a field that only some inputs have is ' +
    'absent in the others. A list as the input of any other transform is merged the same way.',
  config: { type: 'object', properties: {} },
  examples: [
    {
      title: 'Two sources, one stream',
      yaml: `
pipeline:
  transforms:
    - type: Create
      name: Small
      config: {elements: [1]}
    - type: Create
      name: Big
      config: {elements: [100]}
    - type: Flatten
      input: [Small, Big]
`,
      output: ['{"element":1}', '{"element":100}'],
    },
  ],
  inputs: 'many',
  output: input => input,
  open: async () => ({ process: batch => ({ good: [batch] }) }),
});
