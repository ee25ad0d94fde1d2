/** A secret given at a launch: looked for wherever a server and its workers leave something. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSecrets } from '../../src/engine/secrets.ts';
import { sluice } from '../helpers/cli.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const SECRET = 'correct horse "battery" staple';
const FORMS = [SECRET, JSON.stringify(SECRET).slice(1, -1), encodeURIComponent(SECRET)];
const BASE = '/v1b3/projects/local/locations/us-central1';

/** It writes its secret wherever a pipeline can write. */
const template = (id: string, streaming: boolean, source: string): string => `
id: ${id}
title: Talkative
category: UTILITIES
streaming: ${streaming}
description: Writes its secret wherever it can.
parameters:
  type: object
  required: [password]
  properties:
    password: {type: string, format: secret, title: Password, description: It opens., examples: [secret://env/WORD]}
pipeline:
  type: chain
  transforms:
    ${source}
    - type: LogForTesting
    - type: WindowInto
      config: {windowing: {type: fixed, size: 1h}}
    - type: WriteToText
      config: {path: 'gs://bucket/${id}/{{password}}'}
`;

const CREATE = `- type: Create
      config: {elements: ["{{password}}"]}`;
const GENERATE = `- type: GenerateFromSchema
      config: {schema: '{"password": "{{password}}"}', rate: 20}`;

async function homeWithTemplates(t: TestContext): Promise<string> {
  const home = await temporaryFolder(t);
  for (const [id, text] of [
    ['Once', template('Once', false, CREATE)],
    ['Endless', template('Endless', true, GENERATE)],
  ] as const) {
    await mkdir(join(home, 'templates', id), { recursive: true });
    await writeFile(join(home, 'templates', id, 'template.yaml'), text);
  }
  return home;
}

const holds = (text: string): boolean => FORMS.some(form => text.includes(form));

/** The files below a folder that hold the secret. */
async function filesWithSecret(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob('**/*', { cwd: folder })) {
    if (holds(path)) found.push(path);
    const file = join(folder, path);
    const text = (await stat(file)).isFile() ? await readFile(file, 'latin1') : '';
    if (holds(text)) found.push(path);
  }
  return found;
}

/** What the system tells of processes, as far as it holds the secret. */
async function processesWithSecret(pids: readonly number[]): Promise<string[]> {
  const paths = pids.flatMap(pid => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
  const texts = await Promise.all(paths.map(path => readFile(path, 'latin1').catch(() => '')));
  return paths.filter((_, i) => holds(texts[i] ?? ''));
}

async function launch(
  server: TestServer,
  template: string,
  { validateOnly = false, update = false, password = SECRET } = {},
): Promise<string> {
  const launchParameter = {
    jobName: `job-${template.toLowerCase()}`,
    containerSpecGcsPath: template,
    parameters: { password },
    update,
  };
  const { status, body, text } = await server.post(`${BASE}/flexTemplates:launch`, {
    launchParameter,
    validateOnly,
  });
  assert.equal(status, 200, text);
  return body.job?.id;
}

async function stateOf(server: TestServer, id: string, expected: string): Promise<void> {
  for (const giveUp = Date.now() + 30_000; ; await sleep(50)) {
    const { state, result } = server.service.store.jobs.require(id);
    if (state === expected) return;
    if (Date.now() > giveUp) assert.fail(`${id} is ${state}, not ${expected}: ${JSON.stringify(result)}`);
  }
}

test('a secret is in no record, file, process, message or answer, but in one file while the job runs', async t => {
  const home = await homeWithTemplates(t);
  const server = await startServer(t, { config: { home, roots: [] }, maxJobs: 4 });

  await launch(server, 'Endless', { validateOnly: true });
  assert.deepEqual(await filesWithSecret(home), [], 'a launch that only checks keeps nothing');

  const once = await launch(server, 'Once');
  await stateOf(server, once, 'DONE');
  assert.deepEqual(await filesWithSecret(home), []);
  const [written = ''] = await Array.fromAsync(glob('**/*', { cwd: join(home, 'cloud/gs/bucket/Once') }));
  assert.match(written, /^secret:/, 'what a pipeline can write is the reference');

  const endless = await launch(server, 'Endless');
  await stateOf(server, endless, 'RUNNING');
  const kept = `jobs/${endless}/secrets.json`;
  assert.deepEqual(await filesWithSecret(home), [kept]);
  assert.equal((await stat(join(home, kept))).mode & 0o777, 0o600);
  const workers = descendantsOf(process.pid);
  assert.ok(workers.length > 0);
  assert.deepEqual(await processesWithSecret(workers), []);

  for (const path of [
    `/jobs?view=JOB_VIEW_ALL`,
    `/jobs/${endless}?view=JOB_VIEW_ALL`,
    `/jobs/${endless}/messages?minimumImportance=JOB_MESSAGE_DEBUG`,
    `/jobs/${endless}/metrics`,
    `/jobs/${endless}/executionDetails`,
  ]) {
    const { status, text } = await server.get(BASE + path);
    assert.equal(status, 200, path);
    assert.ok(!holds(text), path);
  }
  assert.ok(!holds(JSON.stringify(server.log)));

  await server.service.supervisor.stop(endless, 'CANCELLED');
  await stateOf(server, endless, 'CANCELLED');
  assert.deepEqual(await filesWithSecret(home), []);
});

test('`sluice run` keeps a secret as well, and removes it at the end', async t => {
  const home = await homeWithTemplates(t);
  const parameters = join(home, 'parameters.json');
  const given = JSON.stringify({ password: SECRET });
  await writeFile(parameters, given);
  const { status, stdout, stderr } = await sluice(
    ['run', 'Once', '--parameters', `@${parameters}`, '--json'],
    { home },
  );
  assert.equal(status, 0, stderr);
  assert.ok(!holds(stdout + stderr));
  assert.deepEqual(await filesWithSecret(home), ['parameters.json']);
  assert.ok(existsSync(join(home, 'jobs', JSON.parse(stdout).jobId, 'job.json')));
});

test('an update has the secrets that it was given, and those of the job before are gone', async t => {
  const home = await homeWithTemplates(t);
  const server = await startServer(t, { config: { home, roots: [] }, maxJobs: 4 });
  const first = await launch(server, 'Endless');
  await stateOf(server, first, 'RUNNING');
  const second = await launch(server, 'Endless', { update: true, password: 'another' });
  await stateOf(server, second, 'RUNNING');
  await stateOf(server, first, 'UPDATED');
  assert.deepEqual(await filesWithSecret(home), []);
  assert.deepEqual(await readSecrets({ home }, second), { password: 'another' });
  await server.service.supervisor.stop(second, 'CANCELLED');
  await stateOf(server, second, 'CANCELLED');
  assert.deepEqual(await readSecrets({ home }, second), {});
});

test('a secret that cannot be launched with is neither shown nor kept', async t => {
  const home = await homeWithTemplates(t);
  const server = await startServer(t, { config: { home, roots: [] }, maxJobs: 4 });
  await launch(server, 'Endless');
  const launchParameter = {
    jobName: 'job-endless',
    containerSpecGcsPath: 'Endless',
    parameters: { password: SECRET, pasword: SECRET },
  };
  const refused = await server.post(`${BASE}/flexTemplates:launch`, { launchParameter });
  assert.equal(refused.status, 400);
  const { pasword: _, ...parameters } = launchParameter.parameters;
  const taken = await server.post(`${BASE}/flexTemplates:launch`, {
    launchParameter: { ...launchParameter, parameters },
  });
  assert.equal(taken.status, 409);
  const large = { password: SECRET.repeat(3000) };
  const tooLarge = await server.post(`${BASE}/flexTemplates:launch`, {
    launchParameter: { ...launchParameter, parameters: large },
  });
  assert.equal(tooLarge.status, 400);
  for (const { text } of [refused, taken, tooLarge]) assert.ok(!holds(text), text);
  assert.ok(!holds(JSON.stringify(server.log)));
  assert.equal((await filesWithSecret(home)).length, 1, 'that of the job that runs');
  for (const { id } of server.service.store.jobs.active('service'))
    await server.service.supervisor.stop(id, 'CANCELLED').then(() => stateOf(server, id, 'CANCELLED'));
});
