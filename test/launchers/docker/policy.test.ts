import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config.ts';
import {
  fullNameOf,
  isNameAllowed,
  type KnownImage,
  requireAllowed,
  requireNameAllowed,
} from '../../../src/launchers/docker/policy.ts';

const ONE = `sha256:${'1'.repeat(64)}`;
const TWO = `sha256:${'2'.repeat(64)}`;
const withPatterns = (...allowedImages: string[]): Config => ({ home: '/none', allowedImages });

test('names are completed as Docker does', () => {
  const names: [string, string][] = [
    ['python', 'docker.io/library/python:latest'],
    ['python:3', 'docker.io/library/python:3'],
    ['team/app', 'docker.io/team/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1.2', 'localhost:5000/app:1.2'],
    ['registry.example/a/b__c', 'registry.example/a/b__c:latest'],
    ['index.docker.io/team/app:1', 'docker.io/team/app:1'],
    [`team/app:1@${ONE}`, `docker.io/team/app@${ONE}`],
    [ONE, ONE],
  ];
  for (const [given, full] of names) assert.equal(fullNameOf(given), full, given);
});

test('what is no name of an image is refused', () => {
  for (const given of [
    '',
    'Python',
    'a b',
    '../a',
    'a//b',
    'a:',
    'a@sha256:1',
    'http://a/b',
    '-a',
    `${'a/'.repeat(300)}a`,
    'a\n',
  ])
    assert.throws(() => fullNameOf(given), { code: 'IMAGE_INVALID' }, JSON.stringify(given));
});

test('patterns allow names', () => {
  const table: [pattern: string, image: string, isAllowed: boolean][] = [
    ['python', 'python:3.12', true],
    ['python', 'docker.io/library/python', true],
    ['python:3.*', 'python:3.12-slim', true],
    ['python:3.*', 'python:2.7', false],
    ['python:3.*', 'python', false],
    ['python', 'team/python', false],
    ['python', 'evil.example/library/python', false],
    ['registry.example/team/*', 'registry.example/team/app:1', true],
    ['registry.example/team/*', 'registry.example/team/app/deeper', false],
    ['registry.example/team/*', 'registry.example/teams/app', false],
    ['registry.example/team/*', 'registry.example.evil/team/app', false],
    ['registry.example/*/app', 'registry.example/any/app', true],
    ['registry.example/team/*:1.*', 'registry.example/team/app:1.2', true],
    ['registry.example/team/*:1.*', 'registry.example/team/app:2', false],
    ['registry.example/team/*:1.*', `registry.example/team/app:1.2@${ONE}`, false],
    ['registry.example/team/*', `registry.example/team/app@${ONE}`, true],
    ['registryXexample/team/app', 'registry.example/team/app', false],
    ['registry.example/team/app', 'registryXexample/team/app', false],
    ['localhost:5000/*', 'localhost:5000/app', true],
    ['localhost:5000/*', 'localhost:5001/app', false],
    [ONE, `python@${ONE}`, true],
    [ONE, 'python', false],
    [`python@${ONE}`, `python@${ONE}`, true],
    [`python@${ONE}`, `python@${TWO}`, false],
    [`python@${ONE}`, `other@${ONE}`, false],
    [ONE, ONE, false],
  ];
  for (const [pattern, image, isAllowed] of table)
    assert.equal(isNameAllowed(withPatterns(pattern), image), isAllowed, `${pattern} ${image}`);
});

test('without patterns every image is allowed, with none no image is; the server’s own always', () => {
  requireNameAllowed({ home: '/none' }, 'any');
  assert.throws(() => requireNameAllowed(withPatterns(), 'any'), {
    code: 'IMAGE_FORBIDDEN',
    message: /does not allow the image any: it runs only those that --allow-image names/,
  });
  requireNameAllowed({ ...withPatterns(), workerImage: 'ours:1' }, 'ours:1');
});

test('an image counts by what it is, not by what its name could mean', () => {
  const known: KnownImage = {
    Id: ONE,
    RepoTags: ['python:3', 'localhost:5000/team/app:1'],
    RepoDigests: [`localhost:5000/team/app@${TWO}`],
  };
  const allowed = (pattern: string, image: string) =>
    requireAllowed(withPatterns(pattern), image, fullNameOf(image), known);
  allowed('python', 'python:3');
  allowed(ONE, 'python:3');
  allowed(ONE, ONE);
  allowed(TWO, 'python:3');
  allowed(`localhost:5000/*/app@${TWO}`, ONE);
  allowed('localhost:5000/team/app', `localhost:5000/team/app@${TWO}`);
  const forbidden = (pattern: string, image: string) =>
    assert.throws(() => allowed(pattern, image), { code: 'IMAGE_FORBIDDEN' }, `${pattern} ${image}`);
  forbidden('python', ONE);
  // The beginning of its id: the engine finds it, and it is called otherwise.
  forbidden('*', '111111111111');
  forbidden('other', 'python:3');
  forbidden(`python@${TWO}`, 'python:3');
  forbidden(`sha256:${'3'.repeat(64)}`, 'python:3');
});
