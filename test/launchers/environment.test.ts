import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { environmentOf, workerEnvironment } from '../../src/launchers/environment.ts';

test('a worker gets what it may need, and of the secrets of its server those that are listed', t => {
  const secrets = { DB_PASSWORD: 'one', API_KEY: 'two', STRIPE_SECRET: 'three' };
  Object.assign(process.env, secrets, { SLUICE_TOKEN: 'slc_four' });
  t.after(() => {
    for (const name of [...Object.keys(secrets), 'SLUICE_TOKEN']) delete process.env[name];
  });
  const limits = { roots: ['/data'], secretEnv: ['DB_PASSWORD', 'NOT_SET'], secretRoot: '/run/secrets' };
  const config = { home: '/home/sluice', checkpointMs: 500, ...limits };
  const env = { ...workerEnvironment(process.env), ...environmentOf(config) };
  assert.equal(env.PATH, process.env.PATH);
  assert.equal(env.DB_PASSWORD, 'one');
  for (const name of ['API_KEY', 'STRIPE_SECRET', 'SLUICE_TOKEN']) assert.equal(env[name], undefined);
  const seen = loadConfig(env);
  assert.deepEqual({ ...seen, ...config }, seen);
});
