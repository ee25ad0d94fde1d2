import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { shippedTemplates } from '../../src/catalog/catalog.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const bin = fileURLToPath(new URL('../../bin/sluice', import.meta.url));

async function sluice(t: TestContext, args: string[], home?: string) {
  const SLUICE_HOME = home ?? (await temporaryFolder(t));
  return new Promise<{ status: number; stdout: string; stderr: string }>(resolve => {
    execFile(bin, ['templates', ...args], { env: { ...process.env, SLUICE_HOME } }, (error, stdout, stderr) =>
      resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('list shows id, type and title in columns', async t => {
  const { status, stdout } = await sluice(t, ['list']);
  assert.equal(status, 0);
  const [head = '', ...rows] = stdout.trimEnd().split('\n');
  assert.equal(rows.length, globSync('*/template.yaml', { cwd: shippedTemplates }).length);
  for (const row of rows) assert.match(row.slice(head.indexOf('TYPE')), /^(?:batch {4}|streaming) {2}[A-Z]/);
  assert.ok(rows.some(row => /^GCS_Text_to_GCS_Text +batch +Text files to text files$/.test(row)));
});

test('list --json gives one document', async t => {
  const { templates } = JSON.parse((await sluice(t, ['list', '--json'])).stdout);
  const [found] = templates.filter((each: { id: string }) => each.id === 'Cloud_PubSub_to_GCS_Text');
  assert.deepEqual(found.aliases, ['Cloud_PubSub_to_GCS_Text_Flex']);
  assert.equal(found.streaming, true);
});

test("list shows the user's templates, and what is wrong with a broken one", async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'templates/Mine'), { recursive: true });
  await mkdir(join(home, 'templates/Broken'));
  const text = 'id: Mine\ntitle: My own\ncategory: BATCH\nstreaming: false\ndescription: D\nparameters: {}\n';
  await writeFile(join(home, 'templates/Mine/template.yaml'), text);
  const { stdout, status } = await sluice(t, ['list'], home);
  assert.equal(status, 0);
  assert.match(stdout, /^Mine +batch +My own \(yours\)$/m);
  assert.match(stdout, /^Broken +broken +.*template\.yaml cannot be read: ENOENT$/m);
});

test('show tells description, parameters with defaults, rules and an example', async t => {
  const { stdout, status } = await sluice(t, ['show', 'Cloud_PubSub_to_GCS_Text_Flex']);
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^Pub\/Sub to text files\nCloud_PubSub_to_GCS_Text \(also Cloud_PubSub_to_GCS_Text_Flex\) · streaming\n/,
  );
  assert.match(stdout, /Required parameters\n {2}outputDirectory \(gcs-write-folder\)\n/);
  assert.match(stdout, / {2}windowDuration \(duration\)\n.+\n.*\n? {6}default 5m; e\.g\. 30s\n/);
  assert.match(stdout, /Rules\n {2}Give exactly one of inputTopic, inputSubscription\.\n/);
  assert.match(stdout, /Example\n {2}sluice run Cloud_PubSub_to_GCS_Text \\\n/);
});

test('show --json gives every parameter', async t => {
  const { parameters, rules } = JSON.parse(
    (await sluice(t, ['show', 'GCS_Text_to_GCS_Text', '--json'])).stdout,
  );
  assert.deepEqual(
    parameters
      .filter((each: { required: boolean }) => each.required)
      .map((each: { name: string }) => each.name),
    ['inputFilePattern', 'outputDirectory'],
  );
  assert.ok(rules.length > 0);
});

test('a template that is not there is one clear line and exit status 2', async t => {
  const { status, stderr, stdout } = await sluice(t, ['show', 'GCS_Text_to_GCS']);
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^sluice: there is no template GCS_Text_to_GCS; did you mean GCS_Text_to_GCS_Text\? \[TEMPLATE_NOT_FOUND\]\n/,
  );
  const json = await sluice(t, ['show', 'nope', '--json']);
  assert.equal(json.status, 2);
  assert.equal(JSON.parse(json.stdout).error.code, 'TEMPLATE_NOT_FOUND');
});

test('a broken template is told with the place of every fault', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'templates/Mine'), { recursive: true });
  const file = join(home, 'templates/Mine/template.yaml');
  await writeFile(
    file,
    'id: Mine\ntitle: 5\ncategory: X\nstreaming: false\ndescription: D\nparameters: {type: object, properties: {}}\npipeline: {}\n',
  );
  const { status, stderr } = await sluice(t, ['show', 'Mine'], home);
  assert.equal(status, 2);
  assert.ok(stderr.includes(`${file}:2:8: title must be string`), stderr);
  assert.ok(stderr.includes(`${file}:3:11: category must be one of`), stderr);
});

test('test runs what a template file says, and fails when it is not so', { timeout: 60_000 }, async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'templates/Mine'), { recursive: true });
  const text = `id: Mine
title: My own
category: BATCH
streaming: false
description: D
parameters:
  type: object
  properties: {out: {type: string, format: gcs-write-folder, title: O, description: D}}
pipeline:
  type: chain
  transforms:
    - {type: Create, config: {elements: [one, two]}}
    - {type: WriteToText, config: {path: "{{out}}line"}}
tests:
  - name: good
    parameters: {out: "{{temp}}/out"}
    expect: {state: DONE, elements: {read: 2, written: 2}, files: {out/line*: [two, one]}}
  - name: bad
    parameters: {out: "{{temp}}/out"}
    expect: {files: {out/line*: [one, three]}}
`;
  await writeFile(join(home, 'templates/Mine/template.yaml'), text);
  const { status, stdout } = await sluice(t, ['test', 'Mine', '--json'], home);
  const { passed, failed, tests } = JSON.parse(stdout);
  assert.deepEqual([status, passed, failed], [1, 1, 1], stdout);
  assert.deepEqual(tests[1].failures, ['out/line* lacks three', 'out/line* has two, which is not expected']);
});

test('the tests of every template that comes with Sluice pass', { timeout: 180_000 }, async t => {
  const { status, stdout } = await sluice(t, ['test', '--json']);
  const { passed, tests } = JSON.parse(stdout);
  const failed = tests.filter((each: { failures: string[] }) => each.failures.length > 0);
  assert.deepEqual(failed, []);
  assert.equal(status, 0);
  assert.ok(passed >= 9);
});
