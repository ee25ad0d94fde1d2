/** `@google-cloud/dataflow` drives the server, over both its transports. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../helpers/at-end.ts';
import { gapicClient, grpcRefusals, overGrpc, overRest, restRefusals } from './gapic.ts';
import { everything } from './scenario.ts';
import { servedHere } from './server.ts';

test('Google’s Node client does all it can over REST', async t => {
  const server = await servedHere(t);
  const client = gapicClient(overRest(server.url), restRefusals);
  atEnd(t, client.close);
  await everything(t, client, server);
});

test('Google’s Node client does all it can over gRPC', async t => {
  const server = await servedHere(t);
  const client = gapicClient(overGrpc(server.grpcPort), grpcRefusals);
  atEnd(t, client.close);
  await everything(t, client, server);
  assert.equal(await client.hasActiveJobs(), false);
});
