import { test } from 'node:test';
import { googleapisClient, missing } from './googleapis.ts';
import { everything } from './scenario.ts';
import { servedHere } from './server.ts';

test('googleapis does all it can', { skip: missing }, async t => {
  const server = await servedHere(t);
  await everything(t, await googleapisClient(server.url), server);
});
