/** JavaScriptUdf: passes every element through a function of the user's, in the sandbox. */
import { defineTransform, type ElementType } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import type { UdfScript } from '../udf/frames.ts';
import { defaultLimits } from '../udf/limits.ts';
import { loadScripts } from '../udf/load-scripts.ts';
import { openPool } from '../udf/pool.ts';
import { createReloader } from '../udf/reload.ts';
import { checkFunctionName } from '../udf/scripts.ts';

const MINUTE_MS = 60_000;

export const javaScriptUdf = defineTransform({
  name: 'JavaScriptUdf',
  summary: 'Passes every element through a JavaScript function.',
  description:
    'The function gets the element as a string and returns a string; null, undefined or an empty string drops ' +
    'the element, which is counted as filtered. An element for which it throws, returns anything else, or goes ' +
    'beyond a limit has failed. A second parameter, where the function declares one, is the context: ' +
    '{attributes, messageId, publishTime, key, position}, as far as the element has them. Rows are given and ' +
    'returned as JSON objects. The function is synchronous and has the language alone: no modules, no timers, ' +
    'no network, no files. Its global variables last from one element to the next, but not for ever: a process ' +
    'that died starts afresh.',
  config: {
    type: 'object',
    oneOf: [{ required: ['path'] }, { required: ['source'] }],
    properties: {
      path: {
        type: 'string',
        minLength: 1,
        description:
          'A script: a local path, gs://bucket/object, s3://bucket/object or udf://name[@version]. A pattern loads several into one realm. ' +
          '.js files are scripts, .mjs files are ES modules.',
      },
      source: { type: 'string', minLength: 1, description: 'The script itself, instead of a path.' },
      function: {
        type: 'string',
        description: 'The function to call; default: `process`, or else `transform`.',
      },
      reload_minutes: {
        type: 'number',
        minimum: 0,
        maximum: 525_600,
        description: 'Look every so often whether the script has changed; 0, the default: never.',
      },
      timeout_ms: {
        type: 'integer',
        minimum: 1,
        maximum: 600_000,
        default: defaultLimits.timeoutMs,
        description: 'The most one element may take.',
      },
      memory_mb: {
        type: 'integer',
        minimum: 16,
        maximum: 4096,
        default: defaultLimits.memoryMb,
        description: 'The most memory the script may use.',
      },
      max_output_bytes: {
        type: 'integer',
        minimum: 1,
        maximum: 64 * 1024 * 1024,
        default: defaultLimits.maxOutputBytes,
        description: 'The largest string the function may return.',
      },
    },
  },
  examples: [
    {
      title: 'Keep the large orders, and add a field',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config:
        elements: [{id: 1, total: 20}, {id: 2, total: 900}]
    - type: JavaScriptUdf
      config:
        source: |
          function process(payload) {
            const order = JSON.parse(payload);
            if (order.total < 100) return null;
            order.large = true;
            return JSON.stringify(order);
          }
`,
      output: ['{"id":2,"total":900,"large":true}'],
    },
  ],
  output: accepted,
  reach: ({ path, reload_minutes: minutes = 0 }) => ({
    // A file that is replaced is another one: it is found again by its folder.
    reads: [path !== undefined && minutes > 0 && !path.startsWith('udf://') ? `${path}*` : path],
  }),
  open: async (config, { config: settings, stage, report, input }) => {
    const { path, source, function: name, reload_minutes: minutes = 0 } = config;
    checkFunctionName(name);
    const read = async (): Promise<UdfScript[]> =>
      path === undefined
        ? [{ name: 'udf.js', source: source ?? '', module: false }]
        : loadScripts(path, settings);
    const scripts = await read();
    const limits = {
      timeoutMs: config.timeout_ms ?? defaultLimits.timeoutMs,
      memoryMb: config.memory_mb ?? defaultLimits.memoryMb,
      maxOutputBytes: config.max_output_bytes ?? defaultLimits.maxOutputBytes,
    };
    const pool = await openPool({ scripts, function: name, limits, rows: input?.form === 'row', stage });
    const reloader =
      minutes > 0 ? createReloader({ everyMs: minutes * MINUTE_MS, pool, scripts, read, report }) : undefined;
    return {
      concurrency: pool.concurrency,
      process(batch) {
        reloader?.check();
        return pool.run(batch);
      },
      close: () => pool.close(),
    };
  },
});

function accepted(input: ElementType): ElementType {
  // Which fields a row has is up to the function.
  if (input.form !== 'failure') return input.form === 'row' ? { form: 'row' } : input;
  throw new SluiceError(
    'PIPELINE_INVALID',
    'JavaScriptUdf takes text or rows, not failed elements: put EncodeDeadLetters before it',
  );
}
