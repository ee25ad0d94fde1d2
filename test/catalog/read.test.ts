import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shippedTemplates } from '../../src/catalog/catalog.ts';
import { readTemplate } from '../../src/catalog/read.ts';
import { SluiceError } from '../../src/errors.ts';
import { templateFile, templateOf } from './template-of.ts';

const described = 'title: T, description: D';

/** What stands after the five lines of the head, and the faults: `line:column: message`. */
const faulty: { name: string; body: string; faults: string[] }[] = [
  {
    name: 'what is missing',
    body: 'parameters: {type: object}\n',
    faults: [
      '1:1: lacks the key pipeline',
      '1:1: lacks the key pipelineFrom',
      '1:1: needs either pipeline or pipelineFrom',
      '6:13: parameters lacks the key properties',
    ],
  },
  {
    name: 'keys that are not known, at any depth',
    body: `parametres: {}\nparameters:\n  type: object\n  properties:\n    a: {type: string, ${described}, defualt: x}\npipeline: {type: A}\n`,
    faults: [
      '6:13: parametres is no key that is known here',
      '10:58: parameters.properties.a.defualt is no key that is known here',
    ],
  },
  {
    name: 'a parameter without title and description, of an unknown type',
    body: 'parameters:\n  type: object\n  properties:\n    a: {type: text}\npipeline: {type: A}\n',
    faults: [
      '9:8: parameters.properties.a lacks the key title',
      '9:8: parameters.properties.a lacks the key description',
      '9:15: parameters.properties.a.type must be one of string, integer, number, boolean, object',
    ],
  },
  {
    name: 'names that are none',
    body: `parameters: {type: object, properties: {__proto__: {type: string, ${described}}, job: {type: string, ${described}}, 1a: {type: string, ${described}}}}\npipeline: {type: A}\n`,
    faults: [
      '6:52: parameters.properties.__proto__ is no name for a parameter',
      '6:99: parameters.properties.job is no name for a parameter',
      '6:145: parameters.properties.1a is no name for a parameter',
    ],
  },
  {
    name: 'an unknown kind, and defaults and examples that are not of their kind',
    body: `parameters:\n  type: object\n  properties:\n    a: {type: string, ${described}, format: date}\n    b:\n      type: integer\n      title: T\n      description: D\n      default: many\n    c: {type: string, ${described}, format: duration, examples: [5m, 5x]}\npipeline: {type: A}\n`,
    faults: [
      '9:57: there is no parameter kind date',
      '14:16: b: default many is not a whole number',
      '15:77: c: examples 5x is not a duration longer than zero, like 30s, 5m or 1h30m',
    ],
  },
  {
    name: 'rules about parameters that are not there',
    body: `parameters:\n  type: object\n  required: [b]\n  dependentRequired: {a: [c]}\n  properties:\n    a: {type: string, ${described}}\npipeline: {type: A}\n`,
    faults: [
      '7:3: a rule of the parameters names b, which is not among them',
      '7:3: a rule of the parameters names c, which is not among them',
    ],
  },
  {
    name: 'expressions that are not allowed, each at its place',
    body: `parameters: {type: object, properties: {a: {type: string, ${described}}}}\npipeline:\n  type: A\n  config:\n    x: "{{b}}"\n    y: ["{{a}}", "{{#if a}}x{{/if}}"]\n`,
    faults: [
      '10:8: {{b}} is no parameter of the template',
      '11:18: only {{expressions}} are allowed: no blocks, partials, decorators or comments',
    ],
  },
  {
    name: 'a group that is not there',
    body: 'parameterGroups: [nothing]\nparameters: {type: object, properties: {}}\npipeline: {type: A}\n',
    faults: ['6:19: there is no parameter group nothing'],
  },
  {
    name: 'a group outside of its folder',
    body: 'parameterGroups: [../groups/dead-letter]\nparameters: {type: object, properties: {}}\npipeline: {type: A}\n',
    faults: ['6:19: there is no parameter group ../groups/dead-letter'],
  },
  { name: 'YAML that is none', body: 'parameters: {\n', faults: ['7:1: '] },
  {
    name: 'a test that says nothing known',
    body: 'parameters: {type: object, properties: {}}\npipeline: {type: A}\ntests:\n  - {name: n, parameters: {}, expect: {state: FINE}}\n',
    faults: ['9:47: tests.0.expect.state must be one of DONE, DRAINED'],
  },
];

for (const { name, body, faults } of faulty) {
  test(`refuses ${name}, with line and column`, async t => {
    const file = await templateFile(t, body);
    await assert.rejects(readTemplate(file, 'user', shippedTemplates), (error: unknown) => {
      assert.ok(error instanceof SluiceError);
      assert.equal(error.code, 'TEMPLATE_INVALID');
      const told = error.violations.map(({ subject, message }) => `${subject}: ${message}`);
      const all = (told.length > 0 ? told : [error.message]).map(each => each.replace(`${file}:`, ''));
      assert.deepEqual(
        all.map((each, index) => each.slice(0, faults[index]?.length)).toSorted(),
        faults.toSorted(),
        all.join('\n'),
      );
      return true;
    });
  });
}

test('the parameters of groups follow the own ones, which come first also in what they say', async t => {
  const { parameters } = await templateOf(
    t,
    `parameterGroups: [dead-letter, javascript-udf]
parameters:
  type: object
  properties:
    udfTimeoutMs: {type: integer, title: Own, description: D, default: 5}
    a: {type: string, title: T, description: D}
pipeline: {type: A}
`,
  );
  const names = Object.keys(parameters.properties);
  assert.deepEqual(names.slice(0, 4), [
    'udfTimeoutMs',
    'a',
    'deadLetterDirectory',
    'javascriptTextTransformGcsPath',
  ]);
  assert.equal(parameters.properties.udfTimeoutMs?.title, 'Own');
  assert.ok(parameters.dependentRequired?.javascriptTextTransformGcsPath);
});
