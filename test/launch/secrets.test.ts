import assert from 'node:assert/strict';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readSecrets, secretsFile } from '../../src/engine/secrets.ts';
import { prepareJob, prepareReplay } from '../../src/launch/prepare.ts';
import { keepSecrets, withSecrets } from '../../src/launch/secrets.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const TEMPLATE = `
id: Guarded
title: Guarded
category: UTILITIES
streaming: false
description: Needs a password.
parameters:
  type: object
  required: [password]
  properties:
    password: {type: string, format: secret, title: Password, description: It opens., examples: [secret://env/WORD]}
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: ["{{password}}"]}
    - type: LogForTesting
`;

async function homeWithTemplate(t: TestContext): Promise<string> {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'templates/Guarded'), { recursive: true });
  await writeFile(join(home, 'templates/Guarded/template.yaml'), TEMPLATE);
  return home;
}

test('a secret that is given at a launch goes into a file of its own, and a reference everywhere else', async t => {
  const home = await homeWithTemplate(t);
  const prepared = await prepareJob({ home }, { templateId: 'Guarded', parameters: { password: 'hunter2' } });
  const { job, secrets } = prepared;
  assert.deepEqual(job.parameters, { password: 'secret://job/password' });
  assert.deepEqual(secrets, { password: 'hunter2' });
  assert.doesNotMatch(JSON.stringify([job, prepared.graph]), /hunter2/);
  await keepSecrets({ home }, prepared);
  const file = secretsFile({ home }, job.id);
  assert.equal(await readFile(file, 'utf8'), '{"password":"hunter2"}');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('a reference stays what it is, and needs no file', async t => {
  const home = await homeWithTemplate(t);
  const parameters = { password: 'secret://env/WORD' };
  const prepared = await prepareJob({ home }, { templateId: 'Guarded', parameters });
  assert.deepEqual(prepared.job.parameters, parameters);
  assert.deepEqual(prepared.secrets, {});
  await keepSecrets({ home }, prepared);
  await assert.rejects(access(dirname(secretsFile({ home }, prepared.job.id))));
});

test('a secret of the wrong kind is refused without being shown', async t => {
  const home = await homeWithTemplate(t);
  for (const password of ['hunter2\0', 'hunter2'.repeat(10_000), 'secret://vault/hunter2'])
    await assert.rejects(
      prepareJob({ home }, { templateId: 'Guarded', parameters: { password } }),
      (error: Error & { violations?: unknown }) =>
        error.message === 'Guarded: one parameter is invalid' &&
        !JSON.stringify([error.message, error.violations]).includes('hunter2'),
    );
});

test('nothing is left of the secrets of a job that could not be launched', async t => {
  const home = await homeWithTemplate(t);
  const prepared = await prepareJob({ home }, { templateId: 'Guarded', parameters: { password: 'hunter2' } });
  const { id } = prepared.job;
  const launch = async () => {
    assert.deepEqual(await readSecrets({ home }, id), { password: 'hunter2' });
    throw new Error('the name is taken');
  };
  await assert.rejects(withSecrets({ home }, prepared, launch), /the name is taken/);
  await assert.rejects(access(join(home, 'jobs', id)));
});

test('a replay has the secrets of its job, or those it is given', async t => {
  const home = await homeWithTemplate(t);
  const original = await prepareJob({ home }, { templateId: 'Guarded', parameters: { password: 'hunter2' } });
  await keepSecrets({ home }, original);
  const { secrets, job } = await prepareReplay({ home }, original.job, {});
  assert.deepEqual(secrets, { password: 'hunter2' });
  assert.deepEqual(job.parameters, { password: 'secret://job/password' });
  const changed = await prepareReplay({ home }, original.job, { parameters: { password: 'hunter3' } });
  assert.deepEqual(changed.secrets, { password: 'hunter3' });
});
