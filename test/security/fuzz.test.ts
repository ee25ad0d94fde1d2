/** Every operation of a real server, called in ways that nobody meant. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { callOf, operationsOf } from './operations.ts';
import { faultOf, send } from './raw-client.ts';

const RUNS = Number(process.env.SLUICE_FUZZ_RUNS ?? 12);
const SEED = Number(process.env.SLUICE_FUZZ_SEED ?? 1);
const MEMORY_MB = 400;

test('no call of any operation gives a 5xx, a page of HTML or a dead server', async t => {
  const home = await temporaryFolder(t);
  const args = ['--requests-per-minute', '1000000', '--max-jobs', '1', '--root', home];
  const { url, child, ...server } = await serve(t, { home }, args);
  const { text } = await send(url, { method: 'GET', path: '/openapi.json' });
  const operations = operationsOf(JSON.parse(text));
  assert.ok(operations.length > 20);
  for (const operation of operations)
    await fc.assert(
      fc.asyncProperty(callOf(operation), async call => {
        const answer = await send(url, call);
        const fault = faultOf(answer);
        assert.equal(fault, undefined, `${operation.id}: ${fault}`);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  const health = await send(url, { method: 'GET', path: '/healthz' });
  assert.equal(health.status, 200);
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  assert.ok(Number(kilobytes) < MEMORY_MB * 1024, `${kilobytes} KB`);
  child.kill('SIGTERM');
  const { stderr } = await server.finished;
  for (const line of stderr.trimEnd().split('\n')) {
    const { level, res } = JSON.parse(line);
    assert.ok(res?.status === 501 || (level !== 'error' && level !== 'fatal'), line);
  }
});
