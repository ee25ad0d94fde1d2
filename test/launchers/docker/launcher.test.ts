import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
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

test('a worker whose container is killed goes on from its checkpoint, and doubles nothing', {
  skip,
}, async t => {
  const all = await openContainers(t, await engine());
  const { folder, launch, until, containersOf, docker } = all;
  const parameters = await slowBatchIn(folder, 6000);
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
  assert.deepEqual(result?.elements, expectedElements(6000));
  assertExactlyOnce(6000, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
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
  const { folder, launch, until } = all;
  const parameters = await batchIn(folder, 1000);
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    const outputDirectory = join(folder, `out-${i}`);
    const request = { templateId: 'GCS_Text_to_GCS_Text', parameters: { ...parameters, outputDirectory } };
    ids.push((await launch(request, ['memory=300MiB'])).id);
  }
  for (const [i, id] of ids.entries()) {
    const { result } = await until(id, 'DONE', 'FAILED');
    assert.deepEqual(result?.elements, expectedElements(1000), JSON.stringify(result?.error));
    assertExactlyOnce(1000, join(folder, `out-${i}/output*`), join(folder, `out-${i}/errors/*`));
  }
  await all.assertNothingLeft();
});

test('secrets reach the worker, and are in nothing that shows a container', { skip }, async t => {
  const all = await openContainers(t, await engine());
  const { launchPipeline, until, containersOf, docker, supervisor } = all;
  process.env.SLUICE_TEST_SECRET = 'open sesame 7319';
  t.after(() => delete process.env.SLUICE_TEST_SECRET);
  const { id, container } = await launchPipeline([
    { type: 'GenerateFromSchema', config: { schema: '{"n": 1}', rate: 10 } },
    {
      type: 'WriteToSplunk',
      config: { url: 'http://127.0.0.1:9', token: 'secret://env/SLUICE_TEST_SECRET' },
    },
  ]);
  assert.ok(container);
  await until(id, 'RUNNING');
  const [found] = await containersOf(id);
  const shown = JSON.stringify(await docker.getContainer(found?.Id ?? '').inspect());
  assert.ok(!shown.includes('open sesame'));
  await supervisor.stop(id, 'CANCELLED');
  await until(id, 'CANCELLED');
});
