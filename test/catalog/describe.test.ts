import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../src/catalog/describe.ts';
import { templateReadme } from '../../src/catalog/readme.ts';
import { parametersText, templateOf } from './template-of.ts';

const properties = {
  sink: { enum: ['FILE', 'TOPIC'], default: 'TOPIC', examples: ['FILE'] },
  topic: { format: 'pubsub-topic', examples: ['projects/p/topics/top'] },
  folder: { format: 'gcs-write-folder', examples: ["it's here"] },
  password: { format: 'secret' },
  count: { type: 'integer', examples: [3] },
};
const rules = {
  required: ['count'],
  dependentRequired: { password: ['folder'] },
  allOf: [
    // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
    { if: { properties: { sink: { const: 'TOPIC' } } }, then: { required: ['topic'] } },
    // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
    { if: { properties: { sink: { const: 'FILE' } } }, then: { required: ['folder'] } },
  ],
};
const body = `${parametersText(properties, rules)}pipeline: {type: A}\n`;

test('required parameters come first, each with its kind and when it is required', async t => {
  const { parameters, rules: sentences } = describe(await templateOf(t, body));
  assert.deepEqual(
    parameters.map(each => [
      each.name,
      each.kind,
      each.required,
      each.requiredWhen ?? '',
      each.secret,
      each.paramType,
    ]),
    [
      ['count', 'integer', true, '', false, 'NUMBER'],
      ['sink', 'enum', false, '', false, 'ENUM'],
      ['topic', 'pubsub-topic', false, 'sink is TOPIC', false, 'PUBSUB_TOPIC'],
      ['folder', 'gcs-write-folder', false, 'sink is FILE', false, 'GCS_WRITE_FOLDER'],
      ['password', 'secret', false, '', true, 'TEXT'],
    ],
  );
  assert.deepEqual(sentences, [
    'If sink is TOPIC, topic must be given.',
    'If sink is FILE, folder must be given.',
    'If password is given, folder must be given.',
  ]);
});

test('the example gives what is needed with the defaults', async t => {
  assert.equal(
    describe(await templateOf(t, body)).example,
    'sluice run Test \\\n  --parameters topic=projects/p/topics/top \\\n  --parameters count=3',
  );
});

test('a README tells everything, and in its first line that it is generated', async t => {
  const text = templateReadme(describe(await templateOf(t, body)));
  assert.match(text, /^<!-- Made from template\.yaml by `npm run docs`/);
  for (const part of [
    '# A test',
    '`Test`, a batch template.',
    '## Required parameters\n\n* **count** (integer): For tests. For example `3`.\n',
    '* **sink** (enum): For tests. One of `FILE`, `TOPIC`. Default: `TOPIC`.\n',
    '* **topic** (pubsub-topic): For tests. Required when sink is TOPIC. For example `projects/p/topics/top`.\n',
    '* If password is given, folder must be given.\n',
  ])
    assert.ok(text.includes(part), part);
});
