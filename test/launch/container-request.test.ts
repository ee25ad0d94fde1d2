import assert from 'node:assert/strict';
import { availableParallelism, totalmem } from 'node:os';
import { test } from 'node:test';
import { containerRequest, launcherIn, requireWorkerMemory } from '../../src/launch/container-request.ts';

const MIB = 1 << 20;
const options = (...additionalPipelineOptions: string[]) => ({ additionalPipelineOptions });

test('containers are asked for by the launcher, or by an image; empty and zero mean that nothing was said', () => {
  const cases: [environment: Record<string, unknown>, expected: string | undefined][] = [
    [{}, undefined],
    [options('launcher=docker'), 'docker'],
    [options('--launcher=process'), 'process'],
    [options('launcher=', 'somebody=elses', 'flag'), undefined],
    [{ sdkContainerImage: 'mine:1' }, 'docker'],
    [{ sdkContainerImage: '' }, undefined],
    [{ sdkContainerImage: 'mine:1', ...options('launcher=process') }, 'process'],
    [{ additionalPipelineOptions: 'launcher=docker' }, undefined],
    [{ additionalPipelineOptions: [7, null, {}] }, undefined],
  ];
  for (const [environment, expected] of cases)
    assert.equal(launcherIn(environment), expected, JSON.stringify(environment));
  assert.throws(() => launcherIn(options('launcher=kubernetes')), {
    code: 'ENVIRONMENT_INVALID',
    message: 'The job cannot be launched: launcher is process or docker, not kubernetes',
  });
});

test('without a word a container has 2 GiB, all cores and five minutes to start', () => {
  const { limits, ...rest } = containerRequest({
    machineType: '',
    launchOptions: { ft_launch_timeout_secs: '0' },
  });
  const cpus = availableParallelism();
  assert.deepEqual(limits, {
    memoryBytes: Math.min(2048 * MIB, totalmem()),
    cpus,
    pids: Math.max(512, 32 * cpus),
  });
  assert.deepEqual(rest, { verify: false, startTimeoutMs: 300_000 });
});

test('limits are what was said', () => {
  const memory: [text: string, bytes: number][] = [
    ['512MiB', 512 * MIB],
    ['0.5GiB', 512 * MIB],
    ['100m', 1e8],
    ['1gb', 1e9],
    ['134217728', 128 * MIB],
  ];
  for (const [text, bytes] of memory)
    assert.equal(containerRequest(options(`memory=${text}`)).limits.memoryBytes, bytes, text);
  assert.equal(containerRequest(options('cpus=0.5')).limits.cpus, 0.5);
  assert.equal(containerRequest(options('pids=256')).limits.pids, 256);
  assert.equal(containerRequest(options('network=none')).network, 'none');
  assert.equal(containerRequest(options('verifyImage=true')).verify, true);
  assert.equal(containerRequest({ launchOptions: { ft_launch_timeout_secs: 90 } }).startTimeoutMs, 90_000);
  assert.equal(containerRequest({ sdkContainerImage: 'a/b:1' }).image, 'a/b:1');
});

test('a type of machine stands for its memory and cores, as far as this machine has them', () => {
  const cores = availableParallelism();
  const types: [type: string, cpus: number, megabytes: number][] = [
    ['e2-standard-2', 2, 8192],
    ['n2-highmem-1', 1, 8192],
    ['n1-highcpu-1', 1, 1024],
    ['c3d-standard-4', 4, 16_384],
    ['custom-1-2048', 1, 2048],
    ['n2-custom-2-4096-ext', 2, 4096],
  ];
  for (const [machineType, cpus, megabytes] of types) {
    const { limits } = containerRequest({ machineType });
    assert.equal(limits.cpus, Math.min(cpus, cores), machineType);
    assert.equal(limits.memoryBytes, Math.min(megabytes * MIB, totalmem()), machineType);
  }
});

test('what cannot be is refused by its name', () => {
  const wrong: Record<string, unknown>[] = [
    options('memory=1'),
    options('memory=lots'),
    options('memory=99999GiB'),
    options('memory=-1GiB'),
    options('cpus=0'),
    options('cpus=1e9'),
    options('cpus=-1'),
    options('pids=1'),
    options('pids=1.5'),
    options('network=host'),
    { machineType: 'huge' },
    { machineType: 'e2-standard-0' },
    { machineType: 'custom-1-0' },
    { launchOptions: { ft_launch_timeout_secs: '-1' } },
    { launchOptions: { ft_launch_timeout_secs: 'soon' } },
  ];
  for (const environment of wrong)
    assert.throws(
      () => containerRequest(environment),
      { code: 'ENVIRONMENT_INVALID', message: /^The job cannot be launched: \w+ is / },
      JSON.stringify(environment),
    );
});

test('a worker of Sluice needs more memory than the least that a program may have', () => {
  const limitsOf = (memory: string) => containerRequest(options(`memory=${memory}`)).limits;
  requireWorkerMemory(limitsOf('192MiB'));
  assert.throws(() => requireWorkerMemory(limitsOf('191MiB')), {
    code: 'ENVIRONMENT_INVALID',
    message: 'The job cannot be launched: memory is at least 192MiB for a worker of Sluice, not 191MiB',
  });
  assert.equal(containerRequest({ machineType: 'custom-1-1' }).limits.memoryBytes, 192 * MIB);
});
