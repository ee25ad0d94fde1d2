/** A job that groups events out of order: `node grouping-job.ts FOLDER Combine|Join WINDOWING`; dies where it is told to. */
import { join } from 'node:path';
import { loadConfig } from '../../src/config.ts';
import { startPipeline } from '../../src/engine/engine.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { registry } from '../../src/registry.ts';
import { disorder } from './disorder.ts';

const [folder = '', type, windowing = '{}'] = process.argv.slice(2);
const toFile = (input: string, path: string) => [
  { type: 'WindowInto', name: `${path} window`, input, windowing: { type: 'global' } },
  { type: 'WriteToJson', name: path, input: `${path} window`, config: { path: join(folder, path) } },
];
const combining = {
  transforms: [
    { type: 'Disorder', config: { seed: 7 } },
    {
      type: 'Combine',
      input: 'Disorder',
      windowing: JSON.parse(windowing),
      config: {
        group_by: 'key',
        combine: {
          count: { value: 'id', fn: 'count' },
          sum: { value: 'value', fn: 'sum' },
          ids: { value: 'id', fn: 'group' },
        },
        late_output: 'late',
      },
    },
    { type: 'ExtractWindowingInfo', input: 'Combine', config: { fields: ['window_start', 'window_end'] } },
    ...toFile('ExtractWindowingInfo', 'groups'),
    ...toFile('Combine.late', 'late'),
  ],
};
const joining = {
  transforms: [
    { type: 'Disorder', name: 'A', config: { seed: 7 } },
    { type: 'Disorder', name: 'B', config: { seed: 8 } },
    {
      type: 'Join',
      input: { a: 'A', b: 'B' },
      windowing: JSON.parse(windowing),
      config: { equalities: 'key', type: 'left', fields: { a: { a: 'id' }, b: { b: 'id' } } },
    },
    ...toFile('Join', 'pairs'),
  ],
};
const pipeline = type === 'Join' ? joining : combining;
const config = loadConfig(process.env);
const running = await startPipeline(
  resolvePipeline({ pipeline }, new Map([...registry, ['Disorder', disorder]])),
  {
    jobId: 'job',
    config,
    directory: join(folder, 'job'),
    worker: { index: 0, count: 1 },
    streaming: false,
    report: () => {},
  },
);
const state = await running.ended;
console.log(JSON.stringify({ state, counters: running.counters() }));
