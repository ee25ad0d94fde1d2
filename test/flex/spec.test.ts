import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSpec, parseSpec, specText } from '../../src/flex/spec.ts';

const spec = {
  image: 'registry.example/team/words:1.0',
  sdkInfo: { language: 'PYTHON' as const },
  metadata: { name: 'Words', parameters: [{ name: 'input', label: 'In', helpText: 'What is read.' }] },
  defaultEnvironment: { maxWorkers: 2, additionalUserLabels: { team: 'a' }, additionalExperiments: ['x'] },
};

test('a spec is written as gcloud writes it, and read as it was', () => {
  const text = specText(spec);
  assert.deepEqual(parseSpec(text, 'words.json'), spec);
  assert.deepEqual(
    [...text.matchAll(/^ {4}"(\w+)"/gm)].map(([, key]) => key),
    ['defaultEnvironment', 'image', 'metadata', 'sdkInfo'],
  );
});

test('a spec is read as gcloud prints it', () => {
  const text = specText(spec);
  const block = `|-\n${text.replaceAll(/^(?=.)/gm, '  ')}`;
  for (const printed of [block, JSON.stringify(text)])
    assert.deepEqual(parseSpec(printed, 'words.json'), spec);
});

test('images are taken by every form of a name', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const image of [
    'words',
    'words:1',
    'a/b/c',
    'host:5000/a/b:tag',
    `a@${digest}`,
    `Host.io/a:1@${digest}`,
    digest,
  ])
    assert.equal(checkSpec({ image }, 's').image, image);
});

const wrong: [given: string | object, says: string][] = [
  ['{"image": ', 'the spec is not valid JSON'],
  ['[]', 'the spec must be object'],
  [{}, "the spec must have required property 'image'"],
  [{ image: 5 }, 'image must be string'],
  [{ image: '--privileged' }, 'image "--privileged" is no name of an image'],
  [{ image: 'a b' }, 'is no name of an image'],
  [
    { image: 'a', sdkInfo: { language: 'COBOL' } },
    'sdkInfo.language must be equal to one of the allowed values UNKNOWN, JAVA',
  ],
  [
    { image: 'a', metadata: { parameters: [{ name: 'x' }, {}] } },
    "metadata.parameters[1] must have required property 'name'",
  ],
  [
    { image: 'a', metadata: { parameters: [{ name: 'x', regexes: [5] }] } },
    'metadata.parameters[0].regexes[0] must be string',
  ],
  [
    { image: 'a', defaultEnvironment: { deep: { deeper: { deepest: 1 } } } },
    'defaultEnvironment.deep must be a text, a number, true, false, or a list or map of texts',
  ],
  [
    { image: 'a', metadata: { parameters: Array(501).fill({ name: 'x' }) } },
    'metadata.parameters must NOT have more than 500 items',
  ],
  [
    { image: 'a', imageRepositoryUsernameSecretId: 'x' },
    'imageRepositoryUsernameSecretId: Sluice reads no secrets of Google',
  ],
];

test('every fault names its place', () => {
  for (const [given, says] of wrong) {
    const text = typeof given === 'string' ? given : JSON.stringify(given);
    assert.throws(
      () => parseSpec(text, 'gs://b/s.json'),
      ({ message }: Error) => message.startsWith('gs://b/s.json: ') && message.includes(says),
      text.slice(0, 100),
    );
  }
  assert.throws(() => parseSpec(`${'['.repeat(1e6)}`, 's'), /not valid JSON/);
});
