import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type Docker from 'dockerode';
import { loadConfig } from '../../../src/config.ts';
import { inContainers } from '../../../src/launch/container.ts';
import { containerRequest } from '../../../src/launch/container-request.ts';
import { prepareJob } from '../../../src/launch/prepare.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { batchIn } from '../../jobs/service-jobs.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { openContainers, WORKER_IMAGE } from './containers.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const templateId = 'GCS_Text_to_GCS_Text';

/** Takes what it can. */
const EATS = 'const held = []; for (;;) held.push(Buffer.alloc(1 << 24, 1));';

test('a job that needs more memory than it may have fails with the limit named', { skip }, async t => {
  const { client } = await engine();
  const all = await openContainers(t, await engine());
  const image = await imageWith(client, 'sluice-test-eats', node => [node, '-e', EATS]);
  t.after(() => client.getImage(image).remove({ force: true }));
  const parameters = await batchIn(all.folder, 10);
  const { id } = await all.launch({ templateId, parameters }, ['memory=192MiB'], {
    sdkContainerImage: image,
  });
  const { state, result, restarts } = await all.until(id, 'DONE', 'FAILED');
  assert.equal(state, 'FAILED');
  assert.deepEqual(result?.error, {
    code: 'MEMORY_LIMIT',
    message: 'worker 0 was killed: memory limit 192 MiB',
  });
  // It might have been another one's fault.
  assert.equal(restarts, 5);
  await all.assertNothingLeft();
});

/** One process after the other, until there can be no more. */
const FORKS = `const { spawn } = require('node:child_process');
const more = () => spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']).on('spawn', more).on('error', e => { throw e; });
more();`;

test('a job that needs more processes than it may have fails with the limit named', { skip }, async t => {
  const { client } = await engine();
  const all = await openContainers(t, await engine());
  const image = await imageWith(client, 'sluice-test-forks', node => [node, '-e', FORKS]);
  t.after(() => client.getImage(image).remove({ force: true }));
  const parameters = await batchIn(all.folder, 10);
  const { id } = await all.launch({ templateId, parameters }, ['pids=64'], { sdkContainerImage: image });
  const { result } = await all.until(id, 'DONE', 'FAILED');
  assert.equal(result?.error?.code, 'WORKER_LOST');
  assert.match(
    result?.error?.message ?? '',
    /^worker 0 ended with status 1 \(it may have met its limit of 64 processes: --pids\): .*EAGAIN/s,
  );
  await all.assertNothingLeft();
});

test('an image whose program cannot be started fails the job, and says why', { skip }, async t => {
  const { client } = await engine();
  const all = await openContainers(t, await engine());
  const image = await imageWith(client, 'sluice-test-unstartable', () => ['/nowhere/program']);
  t.after(() => client.getImage(image).remove({ force: true }));
  const parameters = await batchIn(all.folder, 10);
  const { id } = await all.launch({ templateId, parameters }, [], { sdkContainerImage: image });
  const { result } = await all.until(id, 'DONE', 'FAILED');
  assert.equal(result?.error?.code, 'IMAGE_INVALID');
  assert.match(
    result?.error?.message ?? '',
    /^the image sluice-test-unstartable:latest cannot be started: .*\/nowhere\/program/,
  );
  await all.assertNothingLeft();
});

test('an image that never says that it works is given up after the time that the launch allows', {
  skip,
}, async t => {
  const { client } = await engine();
  const all = await openContainers(t, await engine());
  const image = await imageWith(client, 'sluice-test-idle', node => [
    node,
    '-e',
    'setInterval(() => {}, 1000)',
  ]);
  t.after(() => client.getImage(image).remove({ force: true }));
  const parameters = await batchIn(all.folder, 10);
  const environment = { sdkContainerImage: image, launchOptions: { ft_launch_timeout_secs: '2' } };
  const { id } = await all.launch({ templateId, parameters }, [], environment);
  const { result } = await all.until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.error, {
    code: 'START_TIMEOUT',
    message: 'worker 0 did not begin to work within 2 s, which its launch allows: it was killed',
  });
  await all.assertNothingLeft();
});

test('an image without a worker, or memory in which none could run, is refused at the launch', {
  skip,
}, async t => {
  const all = await openContainers(t, await engine());
  const parameters = await batchIn(all.folder, 10);
  const environment = { sdkContainerImage: 'sluice-python:test' };
  await assert.rejects(all.launch({ templateId, parameters }, [], environment), {
    code: 'IMAGE_INVALID',
    message: /^the image sluice-python:test holds no worker of Sluice: /,
  });
  await assert.rejects(all.launch({ templateId, parameters }, ['memory=191MiB']), {
    code: 'ENVIRONMENT_INVALID',
    message: /memory is at least 192MiB for a worker of Sluice, not 191MiB$/,
  });
});

test('an image that is nowhere is refused at the launch', { skip }, async t => {
  const all = await openContainers(t, await engine());
  const parameters = await batchIn(all.folder, 10);
  const environment = { sdkContainerImage: 'sluice-test-nowhere:1' };
  await assert.rejects(all.launch({ templateId, parameters }, [], environment), {
    code: 'IMAGE_NOT_FOUND',
    message: /^there is no image sluice-test-nowhere:1 here, and it cannot be pulled: /,
  });
});

test('without an engine a launch says what to do', async t => {
  const folder = await temporaryFolder(t);
  const config = loadConfig({
    SLUICE_HOME: join(folder, 'home'),
    DOCKER_HOST: `unix://${folder}/docker.sock`,
  });
  await writeFile(join(folder, 'in.txt'), 'line\n');
  const parameters = { inputFilePattern: join(folder, 'in.txt'), outputDirectory: join(folder, 'out') };
  const prepared = await prepareJob(config, { templateId, parameters });
  await assert.rejects(inContainers(config, prepared, { request: containerRequest({}) }), {
    code: 'ENGINE_UNREACHABLE',
    message: `no Docker engine answers at unix://${folder}/docker.sock (ENOENT): what is in no image of its own runs without one, with --launcher process`,
  });
});

/** The worker image with another program in it. @param program told the path of Node */
async function imageWith(docker: Docker, name: string, program: (node: string) => string[]): Promise<string> {
  const { Config: worker } = await docker.getImage(WORKER_IMAGE).inspect();
  const [node = ''] = worker.Entrypoint ?? [];
  const container = await docker.createContainer({ Image: WORKER_IMAGE });
  const changes = `ENTRYPOINT ${JSON.stringify(program(node))}`;
  await container.commit({ repo: name, tag: 'latest', changes });
  await container.remove({ force: true });
  return `${name}:latest`;
}
