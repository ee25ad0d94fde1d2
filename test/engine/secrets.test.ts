import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import { batchOf } from '../../src/engine/batch.ts';
import type { Component } from '../../src/engine/component.ts';
import { deadLetterOf } from '../../src/engine/dead-letter.ts';
import { hideSecrets, MAX_SECRET_BYTES, revealSecrets } from '../../src/engine/secrets.ts';
import { collector, node, sourceOf, start } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const schema = {
  type: 'object',
  properties: {
    password: { type: 'string', format: 'secret' },
    user: { type: 'string' },
    keys: { type: 'array', items: { type: 'string', format: 'secret' } },
    auth: { type: 'object', properties: { token: { type: 'string', format: 'secret' } } },
  },
};

function variable(t: TestContext, name: string, value: string): void {
  process.env[name] = value;
  t.after(() => delete process.env[name]);
}

const reveal = (config: object, settings: Config, secrets?: Record<string, string>) =>
  revealSecrets(schema, config, { config: settings, jobId: 'job', ...(secrets && { secrets }) });

const lost = (message: string) => ({ code: 'SECRET_NOT_FOUND', message });

test('references become values where the schema asks for a secret, and nowhere else', async t => {
  const home = await temporaryFolder(t);
  variable(t, 'TEST_TOKEN', 'from-the-environment');
  await writeFile(join(home, 'key'), 'from-a-file\n');
  const config = {
    password: 'secret://env/TEST_TOKEN',
    user: 'secret://env/TEST_TOKEN',
    keys: [`secret://file${home}/key`, 'plain'],
    auth: { token: 'secret://job/apiToken', other: 'secret://env/TEST_TOKEN' },
  };
  const given = structuredClone(config);
  assert.deepEqual(await reveal(config, { home }, { apiToken: 'from-the-launch' }), {
    password: 'from-the-environment',
    user: 'secret://env/TEST_TOKEN',
    keys: ['from-a-file', 'plain'],
    auth: { token: 'from-the-launch', other: 'secret://env/TEST_TOKEN' },
  });
  assert.deepEqual(config, given, 'the graph keeps the references');
});

test('a reference that leads nowhere is told by its name', async t => {
  const home = await temporaryFolder(t);
  variable(t, 'TEST_EMPTY', '');
  variable(t, 'TEST_LARGE', 'x'.repeat(MAX_SECRET_BYTES + 1));
  await writeFile(join(home, 'large'), 'x'.repeat(MAX_SECRET_BYTES + 1));
  const refusals: Record<string, string> = {
    'secret://env/TEST_ABSENT': 'the environment has no such variable',
    'secret://env/TEST_EMPTY': 'it is empty',
    'secret://env/TEST_LARGE': 'it has more than 65536 bytes',
    [`secret://file${home}/absent`]: 'there is no such file',
    [`secret://file${home}/large`]: 'it has more than 65536 bytes',
    [`secret://file${home}`]: 'it is not a regular file',
    'secret://job/apiKey': 'the job does not have it, or had it until it ended: give the parameter again',
    'secret://job/__proto__': 'the job does not have it, or had it until it ended: give the parameter again',
    'secret://vault/x':
      'it is none: write secret://env/NAME, or secret://file/PATH with the whole path of the file',
  };
  for (const [reference, why] of Object.entries(refusals))
    await assert.rejects(reveal({ password: reference }, { home }), lost(`${reference}: ${why}`));
});

test('a server gives out only the variables and files it was told to', async t => {
  const folder = await temporaryFolder(t);
  const [secretRoot, outside] = [join(folder, 'secrets'), join(folder, 'outside')];
  await mkdir(secretRoot);
  await mkdir(outside);
  for (const each of [secretRoot, outside]) await writeFile(join(each, 'key'), 'the-key');
  await symlink(join(outside, 'key'), join(secretRoot, 'link'));
  variable(t, 'TEST_ALLOWED', 'allowed');
  variable(t, 'TEST_HIDDEN', 'hidden');
  const server = { home: folder, roots: [folder], secretEnv: ['TEST_ALLOWED'], secretRoot };
  const password = async (reference: string, config: Config = server) =>
    (await reveal({ password: reference }, config)) as unknown;
  assert.deepEqual(await password('secret://env/TEST_ALLOWED'), { password: 'allowed' });
  assert.deepEqual(await password(`secret://file${secretRoot}/key`), { password: 'the-key' });
  for (const name of ['TEST_HIDDEN', 'TEST_NOT_THERE'])
    await assert.rejects(
      password(`secret://env/${name}`),
      lost(`secret://env/${name}: the server gives out only the variables that SLUICE_SECRET_ENV lists`),
    );
  for (const path of [
    `${outside}/key`,
    `${outside}/absent`,
    `${secretRoot}/../outside/key`,
    `${secretRoot}/link`,
  ])
    await assert.rejects(
      password(`secret://file${path}`),
      lost(`secret://file${path}: there is no such file below SLUICE_SECRET_ROOT`),
    );
  const { secretRoot: _, ...without } = server;
  await assert.rejects(password(`secret://file${secretRoot}/key`, without), { code: 'SECRET_NOT_FOUND' });
});

test('what a component says of a secret is told without it', async t => {
  const directory = await temporaryFolder(t);
  variable(t, 'TEST_WORD', 'pa"ss & word');
  const told: string[] = [];
  const talkative: Component = {
    kind: 'transform',
    name: 'Talkative',
    summary: '',
    config: schema,
    examples: [],
    output: input => input,
    open: async (config, { report }) => {
      const { password } = config as { password: string };
      report('INFO', `logged in with ${password}, at http://u:${encodeURIComponent(password)}@host`);
      report('INFO', JSON.stringify({ password }));
      return { process: batch => ({ good: [batch] }) };
    },
  };
  const sink = collector();
  const config = { password: 'secret://env/TEST_WORD' };
  const running = await start(
    [
      node('Read', sourceOf([['a']])),
      node('Talk', talkative, ['Read'], { config }),
      node('Write', sink, ['Talk']),
    ],
    { directory, onReport: (_, message) => told.push(message) },
  );
  await running.ended;
  assert.deepEqual(sink.published, ['a']);
  assert.deepEqual(told, ['logged in with ***, at http://u:***@host', '{"password":"***"}']);
  assert.equal(hideSecrets('a pa"ss & word is known'), 'a *** is known');
  const failure = { code: 'X', message: 'refused pa"ss & word', transform: 'Talk', stack: 'at pa"ss & word' };
  const letter = deadLetterOf({ ...batchOf(['x']), failures: [failure] }, 0, { jobId: 'job' });
  assert.deepEqual([letter.message, letter.stack], ['refused ***', 'at ***']);
});
