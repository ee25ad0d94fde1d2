/** What becomes of jobs in containers when the engine, or the server, goes away under them. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { resolveImage } from '../../src/launch/image.ts';
import { connectEngine } from '../../src/launchers/docker/engine.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { batchIn, eventually, streamOf } from '../jobs/service-jobs.ts';
import { type Containers, openContainers } from '../launchers/docker/containers.ts';
import { startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';
import { assertExactlyOnce, expectedElements } from './records.ts';

const skip = missing('docker');
const RECORDS = 60_000;
const PATIENCE_MS = 180_000;

/** How many records the worker of a job has read. */
const readBy = ({ store }: Containers, id: string): number =>
  Object.values(store.progress.get(id)?.counters ?? {})[0]?.out ?? 0;

test('an engine that is killed under its jobs takes no element with it', { skip }, async t => {
  const engine = await startDocker(t);
  const all = await openContainers(t, engine);
  const { folder, launch, until, store, supervisor, messages } = all;
  const batch = await launch({
    templateId: 'GCS_Text_to_GCS_Text',
    parameters: await batchIn(folder, RECORDS),
  });
  const parameters = { ...(await streamOf(folder)), outputDirectory: join(folder, 'stream') };
  const stream = await launch({ templateId: 'Streaming_Data_Generator', parameters });
  await until(stream.id, 'RUNNING');
  await engine.kill();
  await engine.restart();
  const { result } = await until(batch.id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS), messages(batch.id).join('\n'));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  assert.equal(store.jobs.require(stream.id).state, 'RUNNING');
  const before = readBy(all, stream.id);
  await eventually(() => readBy(all, stream.id) > before, undefined, PATIENCE_MS);
  await supervisor.stop(stream.id, 'DRAINED');
  const { result: drained } = await until(stream.id, 'DRAINED', 'FAILED');
  assert.equal(drained?.elements.read, drained?.elements.written, messages(stream.id).join('\n'));
  await all.assertNothingLeft();
});

test('a supervisor that finds no engine waits for it, and goes on when it is there', { skip }, async t => {
  const engine = await startDocker(t);
  const all = await openContainers(t, engine);
  const { folder, launch, until, messages, store } = all;
  const { id } = await launch({
    templateId: 'GCS_Text_to_GCS_Text',
    parameters: await batchIn(folder, RECORDS),
  });
  await until(id, 'RUNNING');
  await engine.kill();
  await all.reopen();
  await eventually(
    () => messages(id).some(text => /no Docker engine answers/.test(text)),
    () => messages(id).join('\n'),
    PATIENCE_MS,
  );
  assert.ok(!['DONE', 'FAILED'].includes(store.jobs.require(id).state));
  await engine.restart();
  const { result } = await until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS), messages(id).join('\n'));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  await all.assertNothingLeft();
});

test('an image that is called otherwise meanwhile stays the one that the job was launched with', {
  skip,
}, async t => {
  const engine = await startDocker(t);
  const { client } = engine;
  const all = await openContainers(t, engine);
  const { folder, launch, until, containersOf, messages, store, supervisor } = all;
  await client.getImage('sluice-worker:test').tag({ repo: 'mine', tag: '1' });
  const request = { templateId: 'Streaming_Data_Generator', parameters: await streamOf(folder) };
  const { id, container } = await launch(request, [], { sdkContainerImage: 'mine:1' });
  await until(id, 'RUNNING');
  await eventually(() => readBy(all, id) > 0, undefined, PATIENCE_MS);
  await client.getImage('sluice-python:test').tag({ repo: 'mine', tag: '1' });
  const [before] = await containersOf(id);
  await client.getContainer(before?.Id ?? '').kill();
  await eventually(() => store.jobs.require(id).restarts === 1, undefined, PATIENCE_MS);
  const read = readBy(all, id);
  await eventually(() => readBy(all, id) > read, undefined, PATIENCE_MS);
  const [after] = await containersOf(id);
  assert.notEqual(after?.Id, before?.Id);
  assert.equal(after?.ImageID, container?.imageId);
  await supervisor.stop(id, 'DRAINED');
  const { result } = await until(id, 'DRAINED', 'FAILED');
  assert.equal(result?.elements.read, result?.elements.written, messages(id).join('\n'));
  await all.assertNothingLeft();
});

test('an engine that never answers is as good as none', async t => {
  const folder = await temporaryFolder(t);
  const socket = join(folder, 'silent.sock');
  const silent = createServer(() => {}).listen(socket);
  t.after(() => silent.close());
  const config = loadConfig({ SLUICE_HOME: folder, DOCKER_HOST: `unix://${socket}` });
  await assert.rejects(resolveImage(await connectEngine(config), 'any:1', config), {
    code: 'ENGINE_UNREACHABLE',
    message: `no Docker engine answers at unix://${socket} (no answer in time)`,
  });
});
