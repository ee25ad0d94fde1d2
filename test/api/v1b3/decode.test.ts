import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../src/api/v1b3/decode.ts';
import { importances, jobStateNames } from '../../../src/api/v1b3/enums.ts';

const text = { type: 'string' };
const shape = {
  type: 'object',
  properties: {
    jobName: text,
    launchParameter: { type: 'object', properties: { containerSpecGcsPath: text } },
    labels: { type: 'object', additionalProperties: text },
    requestedState: { enum: jobStateNames },
    minimumImportance: { enum: importances },
    validateOnly: { type: 'boolean' },
    pageSize: { type: 'integer' },
    goals: { type: 'array', items: { enum: ['NONE', 'SPEED'] } },
    'dynamicTemplate.gcsPath': text,
  },
};

const cases: [what: string, given: object, expected: object][] = [
  ['an enum as its name', { requestedState: 'JOB_STATE_DRAINED' }, { requestedState: 'JOB_STATE_DRAINED' }],
  ['an enum as its number', { requestedState: 8 }, { requestedState: 'JOB_STATE_DRAINED' }],
  ['an enum as a text of its number', { requestedState: '5' }, { requestedState: 'JOB_STATE_CANCELLED' }],
  ['the importance of number 5', { minimumImportance: 5 }, { minimumImportance: 'JOB_MESSAGE_BASIC' }],
  ['a number that no name has', { requestedState: 99 }, { requestedState: 99 }],
  ['a list of enums', { goals: [1, 'NONE'] }, { goals: ['SPEED', 'NONE'] }],
  [
    'the names of the protocol',
    { job_name: 'a', launch_parameter: { container_spec_gcs_path: 'b' } },
    { jobName: 'a', launchParameter: { containerSpecGcsPath: 'b' } },
  ],
  [
    'the names of the protocol in a query',
    { 'dynamic_template.gcs_path': 'a' },
    { 'dynamicTemplate.gcsPath': 'a' },
  ],
  [
    'the keys of a map, which are nobody’s names',
    { labels: { job_name: 'a' } },
    { labels: { job_name: 'a' } },
  ],
  ['an empty map, which says nothing', { labels: {}, jobName: 'a' }, { jobName: 'a' }],
  ['null, which says nothing', { labels: null, jobName: null }, {}],
  ['a truth as Python writes it', { validateOnly: 'False' }, { validateOnly: false }],
  ['a truth as JavaScript writes it', { validateOnly: 'true' }, { validateOnly: true }],
  ['what is no truth', { validateOnly: 'perhaps' }, { validateOnly: 'perhaps' }],
  ['a number as text', { pageSize: '20' }, { pageSize: 20 }],
  ['what is no number', { pageSize: '20 or so' }, { pageSize: '20 or so' }],
  ['what the schema does not name', { my_field: 1 }, { my_field: 1 }],
];

for (const [what, given, expected] of cases)
  test(`${what} is read`, () => assert.deepEqual(decode(shape, given), expected));

test('a key that means something to JavaScript is a key like others', () => {
  const given = JSON.parse('{"labels": {"__proto__": "x"}, "constructor": {"prototype": 1}}');
  const read = decode(shape, given) as { labels: object };
  assert.deepEqual(Object.keys(read.labels), ['__proto__']);
  assert.equal(Object.getPrototypeOf(read.labels), Object.prototype);
  assert.equal(Object.getPrototypeOf(read), Object.prototype);
});
