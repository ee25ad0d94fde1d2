/** The library of functions. */
import {
  caseFileSchema,
  listUdfs,
  runUdf,
  showUdf,
  showVersion,
  testUdf,
  uploadCases,
  uploadUdf,
} from '../../service/udfs.ts';
import { defineOperation } from '../operation.ts';

const tag = 'Functions';
const text = { type: 'string' } as const;
const version = { ...text, description: 'The head of the SHA-256 of the script.' } as const;
const module = { type: 'boolean', description: 'It is an ES module.' } as const;
const examplePath = { name: 'filter' };

const listed = {
  name: text,
  summary: { ...text, description: 'The first sentence of the comment that opens the script.' },
  origin: { type: 'string', enum: ['sample', 'user'] },
  version,
  module,
  hasCases: { type: 'boolean' },
} as const;
const required = ['name', 'summary', 'origin', 'version', 'module', 'hasCases'] as const;

export const listAllUdfs = defineOperation({
  id: 'listUdfs',
  tag,
  summary: 'The functions of the library, samples too',
  method: 'get',
  path: '/api/udfs',
  role: 'viewer',
  response: {
    type: 'object',
    required: ['udfs'],
    properties: { udfs: { type: 'array', items: { type: 'object', required, properties: listed } } },
  },
  handle: (_, { config }) => ({ udfs: listUdfs(config) }),
});

export const getUdf = defineOperation({
  id: 'getUdf',
  tag,
  summary: 'A function: its latest script, its versions and its cases',
  method: 'get',
  path: '/api/udfs/{name}',
  examplePath,
  role: 'viewer',
  response: {
    type: 'object',
    required: [...required, 'source', 'versions'],
    properties: {
      ...listed,
      source: text,
      versions: {
        type: 'array',
        items: {
          type: 'object',
          required: ['version', 'time', 'module', 'latest'],
          properties: {
            version,
            time: { type: 'string', format: 'date-time' },
            module,
            latest: { type: 'boolean', description: '`udf://name` means this one.' },
          },
        },
      },
      cases: { type: 'object' },
    },
  },
  handle: ({ path: { name = '' } }, { config }) => showUdf(config, name),
});

export const getUdfVersion = defineOperation({
  id: 'getUdfVersion',
  tag,
  summary: 'The script of a version: `udf://name@version`',
  method: 'get',
  path: '/api/udfs/{name}/versions/{version}',
  role: 'viewer',
  response: {
    type: 'object',
    required: ['name', 'version', 'module', 'source'],
    properties: { name: text, version, module, source: text },
  },
  handle: ({ path: { name = '', version: asked = '' } }, { config }) => showVersion(config, name, asked),
});

export const putUdf = defineOperation({
  id: 'uploadUdf',
  tag,
  summary: 'Upload a script: it becomes the latest of its name, and the ones before it stay',
  description:
    'The body is the script. It is refused when it does not load. Jobs go on with the version that they were ' +
    'launched with. The same script again changes nothing.',
  method: 'put',
  path: '/api/udfs/{name}',
  examplePath: { name: 'shout' },
  role: 'operator',
  query: { type: 'object', properties: { module: { ...module, default: false } } },
  bodyType: 'text/javascript',
  body: { type: 'string', minLength: 1 },
  example: 'function process(payload) { return payload.toUpperCase(); }',
  response: {
    type: 'object',
    required: ['name', 'version', 'changed'],
    properties: { name: text, version, changed: { type: 'boolean' } },
  },
  handle: ({ path: { name = '' }, query, body, caller, signal }, service) =>
    uploadUdf(service, { name, source: body, module: query.module ?? false }, caller, signal),
});

export const putCases = defineOperation({
  id: 'uploadUdfCases',
  tag,
  summary: 'Upload what a function is tested by; its script was uploaded before',
  method: 'put',
  path: '/api/udfs/{name}/cases',
  examplePath: { name: 'shout' },
  role: 'operator',
  body: caseFileSchema,
  example: { cases: [{ name: 'it shouts', input: 'a', output: 'A' }] },
  response: {
    type: 'object',
    required: ['name', 'cases'],
    properties: { name: text, cases: { type: 'integer' } },
  },
  handle: ({ path: { name = '' }, body, caller }, service) => uploadCases(service, name, body, caller),
});

export const testOneUdf = defineOperation({
  id: 'testUdf',
  tag,
  summary: 'Whether a function does what its cases say',
  method: 'post',
  path: '/api/udfs/{name}:test',
  examplePath,
  role: 'operator',
  body: { type: 'object', additionalProperties: false, properties: { version } },
  example: {},
  response: {
    type: 'object',
    required: ['passed', 'failed', 'cases'],
    properties: {
      passed: { type: 'integer' },
      failed: { type: 'integer' },
      cases: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'ok'],
          properties: {
            name: text,
            ok: { type: 'boolean' },
            expected: { ...text, description: 'Where it failed.' },
            actual: text,
          },
        },
      },
    },
  },
  handle: ({ path: { name = '' }, body, signal }, service) => testUdf(service, { name, ...body }, signal),
});

const limit = (most: number, description: string) =>
  ({ type: 'integer', minimum: 1, maximum: most, description }) as const;

export const runSamples = defineOperation({
  id: 'runUdf',
  tag,
  summary: 'What a function does to elements that you give; nothing is kept',
  method: 'post',
  path: '/api/udfs:run',
  role: 'operator',
  body: {
    type: 'object',
    required: ['elements'],
    additionalProperties: false,
    oneOf: [{ required: ['source'] }, { required: ['path'] }],
    properties: {
      source: { ...text, minLength: 1, description: 'The script itself, or …' },
      path: { ...text, minLength: 1, description: '… where it is: `udf://name[@version]`, or `gs://…`.' },
      module,
      function: text,
      elements: {
        type: 'array',
        maxItems: 1000,
        items: {
          anyOf: [
            { type: 'string' },
            {
              type: 'object',
              required: ['payload'],
              additionalProperties: false,
              properties: {
                payload: { anyOf: [{ type: 'string' }, { type: 'object' }] },
                context: { type: 'object', description: 'What the second parameter gets.' },
              },
            },
          ],
        },
      },
      limits: {
        type: 'object',
        additionalProperties: false,
        properties: {
          timeoutMs: limit(10_000, 'The most one element may take.'),
          memoryMb: { ...limit(512, 'The most memory the script may use.'), minimum: 16 },
          maxOutputBytes: limit(10 << 20, 'The largest output.'),
        },
      },
    },
  },
  example: { path: 'udf://filter', elements: ['{"amount": 5}', { payload: { amount: 500 } }] },
  response: {
    type: 'object',
    required: ['function', 'results'],
    properties: {
      function: text,
      results: {
        type: 'array',
        items: {
          type: 'object',
          required: ['index', 'status', 'ms'],
          properties: {
            index: { type: 'integer' },
            status: { type: 'string', enum: ['output', 'filtered', 'error'] },
            payload: text,
            code: text,
            message: text,
            stack: { ...text, description: 'Where in the script, as far as it is known.' },
            ms: {
              type: 'number',
              description: 'How long it took, the way to the sandbox and back included.',
            },
          },
        },
      },
    },
  },
  handle: ({ body, signal }, service) => runUdf(service, body, signal),
});
