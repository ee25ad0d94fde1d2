import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { networkName } from '../../../src/launchers/docker/names.ts';
import { assertExactlyOnce, expectedElements, UDF } from '../../faults/records.ts';
import { batchIn, eventually } from '../../jobs/service-jobs.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { openContainers, WORKER_IMAGE } from './containers.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const RECORDS = 20_000;

test('a batch job in two containers writes every element once, and nothing is left of them', {
  skip,
}, async t => {
  const { folder, launch, until, assertNothingLeft, messages } = await openContainers(t, await engine());
  const parameters = await batchIn(folder, RECORDS);
  const { id } = await launch({ templateId: 'GCS_Text_to_GCS_Text', parameters, numWorkers: 2 });
  const { result, container } = await until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS), messages(id).join('\n'));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  assert.equal(container?.image, WORKER_IMAGE);
  assert.match(container?.imageId ?? '', /^sha256:[0-9a-f]{64}$/);
  await assertNothingLeft();
});

test('a container has no right that its work does not need', { skip }, async t => {
  const { docker } = { docker: (await engine()).client };
  const { folder, launch, until, containersOf, supervisor } = await openContainers(t, await engine());
  await writeFile(join(folder, 'in.txt'), 'line\n');
  const source = 'function f() { for (;;); }';
  const { id } = await launch(
    {
      templateId: 'GCS_Text_to_GCS_Text',
      parameters: await slowIn(folder, source),
    },
    ['memory=512MiB', 'cpus=1', 'pids=200'],
  );
  await until(id, 'RUNNING');
  const [found] = await containersOf(id);
  const {
    HostConfig: host,
    Config: own,
    Mounts: mounts,
  } = await docker.getContainer(found?.Id ?? '').inspect();
  assert.equal(own.User, '65532:65532');
  assert.deepEqual(host.CapDrop, ['ALL']);
  assert.deepEqual(host.SecurityOpt, ['no-new-privileges']);
  assert.equal(host.ReadonlyRootfs, true);
  assert.equal(host.Privileged, false);
  assert.equal(host.NetworkMode, 'none');
  assert.equal(host.Memory, 512 << 20);
  assert.equal(host.MemorySwap, 512 << 20);
  assert.equal(host.NanoCpus, 1e9);
  assert.equal(host.PidsLimit, 200);
  assert.equal(host.Init, true);
  const writable = mounts.filter(({ RW }) => RW).map(({ Destination }) => Destination.slice(folder.length));
  assert.deepEqual(writable.sort(), [`/home/jobs/${id}/workers/0`, '/out']);
  const read = mounts.filter(({ RW }) => !RW).map(({ Destination }) => Destination.replace(folder, ''));
  assert.deepEqual(read.sort(), [`/home/jobs/${id}`, '/in.txt', '/run/secrets', '/udf.js']);
  await supervisor.stop(id, 'CANCELLED');
  await until(id, 'CANCELLED');
});

async function slowIn(folder: string, source: string) {
  await writeFile(join(folder, 'udf.js'), source);
  return {
    inputFilePattern: join(folder, 'in.txt'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'f',
    udfTimeoutMs: '600000',
  };
}

/** The function takes a while for each record, so that there is time for what is to happen meanwhile. */
const SLOW = UDF.replace('{', '{ for (const end = Date.now() + 1; Date.now() < end; );');

async function slowBatchIn(folder: string, records: number) {
  const parameters = await batchIn(folder, records);
  await writeFile(join(folder, 'check.js'), SLOW);
  return parameters;
}

/** Enough that a job is still at work when it is killed for the second time, on a busy machine too. */
const KILLED_RECORDS = 15_000;

test('a worker whose container is killed goes on from its checkpoint, and doubles nothing', {
  skip,
}, async t => {
  const all = await openContainers(t, await engine());
  const { folder, launch, until, containersOf, docker } = all;
  const parameters = await slowBatchIn(folder, KILLED_RECORDS);
  const { id } = await launch({ templateId: 'GCS_Text_to_GCS_Text', parameters });
  for (let kills = 1; kills <= 2; kills++) {
    const before = all.written(id);
    await eventually(() => all.written(id) > before);
    const [running] = await containersOf(id);
    assert.ok(running);
    await docker.getContainer(running.Id).kill();
    await eventually(() => all.store.jobs.require(id).restarts === kills);
  }
  const { result } = await until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(KILLED_RECORDS));
  assertExactlyOnce(KILLED_RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  await all.assertNothingLeft();
});

test('a supervisor that comes later finds the containers of the one before', { skip }, async t => {
  const all = await openContainers(t, await engine());
  const { folder, launch, until, containersOf } = all;
  const parameters = await slowBatchIn(folder, 6000);
  const { id } = await launch({ templateId: 'GCS_Text_to_GCS_Text', parameters });
  await eventually(() => all.written(id) > 0);
  const [before] = await containersOf(id);
  await all.reopen();
  await eventually(() => all.written(id) > 0);
  const [after] = await containersOf(id);
  assert.equal(after?.Id, before?.Id);
  const { result, restarts } = await until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(6000));
  assert.equal(restarts, 0);
  assertExactlyOnce(6000, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  await all.assertNothingLeft();
});

test('twenty jobs run side by side', { skip }, async t => {
  const all = await openContainers(t, await engine());
  const { folder, launchPipeline, until, supervisor } = all;
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    const transforms = [
      { type: 'GenerateFromSchema', config: { schema: '{"n": {{index()}}}', rate: 50 } },
      { type: 'WindowInto', config: { windowing: { type: 'fixed', size: '1s' } } },
      { type: 'WriteToText', config: { path: join(folder, `out-${i}/part`) } },
    ];
    ids.push((await launchPipeline(transforms, ['memory=300MiB'])).id);
  }
  for (const id of ids) await until(id, 'RUNNING', 'FAILED');
  assert.equal(supervisor.load().running, 20);
  for (const id of ids) await eventually(() => all.written(id) > 50);
  for (const id of ids) await supervisor.stop(id, 'DRAINED');
  for (const [i, id] of ids.entries()) {
    const { result, state } = await until(id, 'DRAINED', 'FAILED');
    assert.equal(state, 'DRAINED', JSON.stringify(result?.error));
    const lines = globSync(join(folder, `out-${i}/part*`)).flatMap(file =>
      readFileSync(file, 'utf8').trimEnd().split('\n'),
    );
    const numbers = lines.map(line => JSON.parse(line).n).sort((a, b) => a - b);
    assert.equal(numbers.length, result?.elements.written);
    assert.ok(numbers.every((n, at) => n === at));
  }
  await all.assertNothingLeft();
});

test('secrets reach the worker, and are in nothing that shows a container', { skip }, async t => {
  const { gateway } = await engine();
  const all = await openContainers(t, await engine());
  const { folder, launchPipeline, until, containersOf, docker, supervisor } = all;
  process.env.SLUICE_TEST_SECRET = 'open sesame 7319';
  t.after(() => delete process.env.SLUICE_TEST_SECRET);
  const collector = await startCollector(t);
  const { id } = await launchPipeline([
    { type: 'GenerateFromSchema', config: { schema: '{"n": 1}', rate: 10 } },
    {
      type: 'WriteToSplunk',
      config: { url: `http://${gateway}:${collector.port}`, token: 'secret://env/SLUICE_TEST_SECRET' },
    },
  ]);
  await eventually(() => collector.tokens.size > 0);
  assert.deepEqual([...collector.tokens], ['Splunk open sesame 7319']);
  const [found] = await containersOf(id);
  const shown = await docker.getContainer(found?.Id ?? '').inspect();
  assert.ok(!JSON.stringify(shown).includes('open sesame'));
  assert.equal(shown.HostConfig.NetworkMode, networkName(all.config));
  const kept = await readFile(join(folder, 'home/jobs', id, 'job.json'), 'utf8');
  assert.ok(!kept.includes('open sesame'));
  await supervisor.stop(id, 'DRAINED');
  await until(id, 'DRAINED');
  await all.assertNothingLeft();
});

/** Takes every event, and notes who sends them. */
async function startCollector(t: TestContext): Promise<{ port: number; tokens: Set<string> }> {
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    tokens.add(String(request.headers.authorization));
    request.resume().on('end', () => response.end('{"text":"Success","code":0}'));
  });
  await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, tokens };
}
