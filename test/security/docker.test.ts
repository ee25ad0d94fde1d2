/** Programs that mean harm, in containers of a real engine, with a real server beside them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../helpers/at-end.ts';
import { sluice } from '../helpers/cli.ts';
import { buildImage } from '../helpers/images.ts';
import { serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type DockerEngine, startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';
import { type Lifetime, shared } from '../services/service.ts';

const skip = missing('docker');
const BASE = '/v1b3/projects/local/locations/us-central1';
const CONTENT = 'nobody may see or change this\n';
const SERVER_SECRET = 'what-only-the-server-knows-4711';
const GIVEN_SECRET = 'what-this-job-was-given-0815';
const PATIENCE_MS = 180_000;

const engine = shared(async (t: Lifetime) => {
  const started = await startDocker(t);
  const hostile = await readFile(join(import.meta.dirname, 'hostile.py'), 'utf8');
  const dockerfile =
    'FROM sluice-python:test\nCOPY hostile.py /\nENTRYPOINT ["python3", "/hostile.py"]\nLABEL sluice.worker=1\n';
  await buildImage(started.client, 'hostile:1', { 'hostile.py': hostile }, dockerfile);
  return started;
});

interface Hosted {
  engine: DockerEngine;
  folder: string;
  home: string;
  root: string;
  victim: string;
  launchSpec(spec: object, parameters: Record<string, string>, environment: object): Promise<string>;
  launch(deed: string, parameters?: Record<string, string>, options?: string[]): Promise<string>;
  until(id: string, state: RegExp): Promise<void>;
  get(path: string): Promise<Record<string, unknown>>;
  messages(id: string): Promise<string[]>;
  cancel(id: string): Promise<void>;
  assertNothingLeft(): Promise<void>;
}

/** A server that listens at every address of the machine on which containers run. */
async function host(t: TestContext, args: string[] = []): Promise<Hosted> {
  const running = await engine();
  const folder = await temporaryFolder(t);
  const [home, root, victim] = [join(folder, 'home'), join(folder, 'root'), join(folder, 'victim')];
  for (const each of [home, root]) await mkdir(each);
  await chmod(root, 0o777);
  await writeFile(victim, CONTENT);
  const made = await sluice(['token', 'create', '--name', 'test', '--role', 'admin'], { home });
  const token = /slc_\S+/.exec(made.stdout)?.[0] ?? '';
  const server = await serve(
    t,
    {
      home,
      env: { DOCKER_HOST: running.host, SERVER_SECRET, SLUICE_TOKEN: token },
      by: ['nsenter', `--net=/proc/${running.pid()}/ns/net`, '--'],
    },
    ['--host', '0.0.0.0', '--root', root, ...args],
  );
  const { port } = new URL(server.url);
  const url = `http://${running.published}:${port}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into whatever was answered
  const ask = async (path: string, init: RequestInit = {}): Promise<any> => {
    const answer = await fetch(`${url}${path}`, { ...init, headers });
    const body = await answer.json();
    assert.ok(answer.ok, JSON.stringify(body));
    return body;
  };
  const started: string[] = [];
  const hosted: Hosted = {
    engine: running,
    folder,
    home,
    root,
    victim,
    async launch(deed, parameters = {}, options = []) {
      const given = {
        deed,
        victim,
        home,
        port,
        grpc: String(server.grpcPort),
        engine: running.host.slice('unix://'.length),
        address: running.published,
        output: root,
        token: GIVEN_SECRET,
        ...parameters,
      };
      const parametersOf = Object.keys(given).map(name => ({
        name,
        label: name,
        helpText: name,
        isOptional: true,
        ...(name === 'output' && { paramType: 'GCS_WRITE_FOLDER' }),
        ...(name === 'token' && { customMetadata: { secret: 'true' } }),
      }));
      const spec = { image: 'hostile:1', metadata: { name: deed, parameters: parametersOf } };
      return hosted.launchSpec({ containerSpec: spec }, given, { additionalPipelineOptions: options });
    },
    async launchSpec(spec, parameters, environment) {
      const launchParameter = { jobName: `job-${started.length}`, ...spec, parameters, environment };
      const { job } = await ask(`${BASE}/flexTemplates:launch`, {
        method: 'POST',
        body: JSON.stringify({ launchParameter }),
      });
      started.push(job.id);
      return job.id;
    },
    async until(id, wanted) {
      for (const giveUp = Date.now() + PATIENCE_MS; ; await sleep(100)) {
        const { currentState: state } = await ask(`${BASE}/jobs/${id}`);
        if (wanted.test(state)) return;
        const isOver = /DONE|FAILED|CANCELLED|DRAINED/.test(state) || Date.now() > giveUp;
        if (isOver)
          assert.fail(`job ${id} is ${state}: ${(await hosted.messages(id)).slice(-10).join('\n')}`);
      }
    },
    get: ask,
    async messages(id) {
      const { jobMessages = [] } = await ask(
        `${BASE}/jobs/${id}/messages?minimumImportance=JOB_MESSAGE_DEBUG&pageSize=10000`,
      );
      return jobMessages.map((each: { messageText: string }) => each.messageText);
    },
    async cancel(id) {
      await ask(`${BASE}/jobs/${id}`, { method: 'PUT', body: '{"requestedState": "JOB_STATE_CANCELLED"}' });
      await hosted.until(id, /CANCELLED/);
    },
    async assertNothingLeft() {
      const { client } = running;
      const networks = (await client.listNetworks()).filter(({ Name }) => Name.startsWith('sluice'));
      const left = [
        await client.listContainers({ all: true }),
        networks,
        (await client.listVolumes()).Volumes ?? [],
      ];
      assert.deepEqual(left, [[], [], []]);
    },
  };
  atEnd(t, async () => {
    for (const id of started) {
      const { currentState: state } = await ask(`${BASE}/jobs/${id}`);
      if (!/DONE|FAILED|CANCELLED|DRAINED/.test(state)) await hosted.cancel(id);
    }
  });
  return hosted;
}

/** What it tries, and how it is refused. */
const REFUSED: Record<string, RegExp> = {
  'a file of the machine': /FileNotFoundError/,
  'a file of the machine through processes': /by no process/,
  'the folder of Sluice': /FileNotFoundError/,
  'memory of the machine': /PermissionError|FileNotFoundError/,
  'the log of the kernel': /PermissionError|FileNotFoundError/,
  'settings of the kernel': /Read-only file system|PermissionError/,
  'control groups': /Read-only file system|PermissionError/,
  'the engine': /FileNotFoundError/,
  'the engine where it mostly is': /FileNotFoundError/,
  'the server on localhost': /ConnectionRefusedError/,
  'the server by the gateway': /ConnectionResetError|no answer/,
  'the server by its address': /ConnectionResetError|no answer/,
  'the machine by name': /gaierror/,
  'another job': /TimeoutError|timed out/,
  'another job, from port to port': /PermissionError/,
  'its own root': /Read-only file system/,
  'its own users': /Read-only file system|PermissionError/,
  'its own secrets': /Read-only file system|PermissionError/,
  devices: /PermissionError/,
  'the root user': /PermissionError/,
  'the root group': /PermissionError/,
  mounting: /PermissionError/,
  'a root of its own': /PermissionError/,
  'users of its own': /PermissionError/,
  'mounts of its own': /PermissionError/,
  'a name for the machine': /PermissionError/,
  'the clock': /PermissionError/,
  'running what it has written': /PermissionError/,
  'more priority': /PermissionError/,
};

test('a program that means harm reaches nothing but what its parameters name', { skip }, async t => {
  const {
    engine: running,
    root,
    victim,
    home,
    launch,
    until,
    messages,
    cancel,
    assertNothingLeft,
  } = await host(t);
  const other = await launch('listen');
  await until(other, /RUNNING/);
  const [listening] = await running.client.listContainers({ filters: { label: [`sluice.job=${other}`] } });
  const address = Object.values(listening?.NetworkSettings.Networks ?? {})[0]?.IPAddress ?? '';
  assert.match(address, /^\d/);
  const id = await launch('explore', { other: address }, ['pids=100']);
  await until(id, /DONE/);
  const report = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8'));
  for (const [what, how] of Object.entries(REFUSED)) {
    assert.match(String(report[what]), /^refused: /, what);
    assert.match(report[what], how, what);
  }
  assert.match(report['the server by gRPC'], /^refused: |^\0\0/);
  assert.deepEqual(report.status, {
    Uid: '65532\t65532\t65532\t65532',
    Gid: '65532\t65532\t65532\t65532',
    Groups: report.status.Groups,
    CapEff: '0000000000000000',
    CapPrm: '0000000000000000',
    CapBnd: '0000000000000000',
    NoNewPrivs: '1',
    Seccomp: '2',
  });
  const places = report.mounts.filter(
    (path: string) =>
      !/^\/(proc|sys|dev)\b|^\/(tmp|etc\/(hosts|hostname|resolv\.conf)|sbin\/docker-init)?$/.test(path),
  );
  assert.deepEqual(places, [root, '/run/secrets', '/state'].sort());
  const { environment } = report;
  assert.deepEqual(
    Object.keys(environment)
      .filter(name => !/^(PATH|HOSTNAME|HOME|LANG|LC_CTYPE)$/.test(name))
      .sort(),
    ['SLUICE_JOB_ID', 'SLUICE_JOB_NAME', 'SLUICE_STATE_DIR', 'SLUICE_WORKER_COUNT', 'SLUICE_WORKER_INDEX'],
  );
  assert.deepEqual(report.secrets, { token: GIVEN_SECRET });
  assert.ok(report.arguments.includes('--token=/run/secrets/token'));
  assert.ok(!JSON.stringify([report, await messages(id)]).includes(SERVER_SECRET));
  assert.ok(!JSON.stringify([environment, report.arguments]).includes(GIVEN_SECRET));
  assert.deepEqual(report['in shared memory'], []);
  assert.ok(report.processes < 100, `${report.processes} processes`);
  assert.ok(report['bytes in /tmp'] <= 64 << 20, `${report['bytes in /tmp']} bytes`);
  assert.ok(report['bytes in shared memory'] <= 1 << 30, `${report['bytes in shared memory']} bytes`);
  assert.equal(readFileSync(victim, 'utf8'), CONTENT);
  assert.ok(existsSync(join(home, 'sluice.db')));
  await cancel(other);
  await assertNothingLeft();
});

test('without a network there is nobody to be reached', { skip }, async t => {
  const { root, launch, until, assertNothingLeft } = await host(t);
  const id = await launch('explore', { other: '169.254.169.254' }, ['network=none']);
  await until(id, /DONE/);
  const report = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8'));
  for (const what of [
    'the server by the gateway',
    'the server by its address',
    'the server by gRPC',
    'another job',
  ])
    assert.match(report[what], /^refused: .*(unreachable|no gateway)/, what);
  await assertNothingLeft();
});

test('what a program eats up is its own', { skip }, async t => {
  const { launch, until, messages, get } = await host(t);
  const eater = await launch('memory', {}, ['memory=128MiB']);
  await until(eater, /FAILED/);
  assert.match((await messages(eater)).join('\n'), /killed: memory limit 128 MiB/);
  const talker = await launch('flood');
  await until(talker, /DONE|FAILED/);
  const said = await messages(talker);
  assert.ok(said.length < 5000, `${said.length} messages`);
  assert.ok(!said.some(text => text.includes('\u001b')));
  const { metrics } = await get(`${BASE}/jobs/${talker}/metrics`);
  assert.ok(!/1e\+?308|__proto__/.test(JSON.stringify(metrics)));
});

test('a worker image that means harm writes into its own folder only, and is believed nothing', {
  skip,
}, async t => {
  const { root, victim, launchSpec, until, messages, assertNothingLeft } = await host(t);
  await writeFile(join(root, 'in.txt'), 'line\n');
  const id = await launchSpec(
    { containerSpecGcsPath: 'GCS_Text_to_GCS_Text' },
    { inputFilePattern: join(root, 'in.txt'), outputDirectory: join(root, 'out') },
    { sdkContainerImage: 'hostile:1' },
  );
  await until(id, /FAILED/);
  assert.match((await messages(id)).join('\n'), /progress\.json is not a regular file/);
  const report = JSON.parse(readFileSync(join(root, 'out/report.json'), 'utf8'));
  const refused = {
    'the job': /Read-only file system|PermissionError/,
    'the wishes of the job': /Read-only file system|PermissionError/,
    'another worker': /Read-only file system|PermissionError/,
    'the secrets of the job': /FileNotFoundError|PermissionError/,
    'a link from another place': /OSError|PermissionError/,
    'the jobs of the server': /FileNotFoundError/,
  };
  for (const [what, how] of Object.entries(refused)) assert.match(String(report[what]), how, what);
  assert.deepEqual(report['other jobs'], []);
  assert.equal(report.status.CapEff, '0000000000000000');
  assert.equal(readFileSync(victim, 'utf8'), CONTENT);
  await assertNothingLeft();
});
