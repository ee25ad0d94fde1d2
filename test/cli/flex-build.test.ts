import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { type Finished, sluice, startSluice } from '../helpers/cli.ts';
import { flexExample, writeFiles } from '../helpers/flex.ts';
import { serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const BASE = 'sluice-worker:test';

interface Terms {
  client: Docker;
  home: string;
  /** The folder that the example lies in. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  run(...args: string[]): Promise<Finished>;
}

async function prepared(t: TestContext): Promise<Terms> {
  const { client, host } = await engine();
  const home = await temporaryFolder(t);
  const cwd = join(await flexExample(t), '..');
  const env = { DOCKER_HOST: host, SLUICE_WORKER_IMAGE: BASE };
  return { client, home, cwd, env, run: (...args) => sluice(args, { home, cwd, env }) };
}

const removed = (t: TestContext, client: Docker, name: string) =>
  t.after(() => client.getImage(name).remove({ force: true }));

const RECORDS = [
  '{"id":1,"place":"Bremn"}',
  '{"id":2,"place":"Bonn"}',
  '{"id":3}',
  '{"id":4,"place":"Atlantis"}',
  '{"id":5,"place":"Hamburgg"}',
];

/** What the jobs of these tests write: the places in the order of the ids, and the reasons of dead letters. */
async function outputIn(folder: string): Promise<{ places: string[]; letters: string[] }> {
  const linesOf = async (below: string, prefix: string): Promise<string[]> => {
    const names = (await readdir(join(folder, below)).catch(() => [])).filter(name =>
      name.startsWith(prefix),
    );
    const texts = await Promise.all(names.map(name => readFile(join(folder, below, name), 'utf8')));
    return texts.flatMap(text => text.split('\n')).filter(line => line !== '');
  };
  const letters = (await linesOf('errors', 'error-')).map(line => JSON.parse(line).message as string);
  return { places: (await linesOf('', 'places')).sort(), letters };
}

const EXPECTED = {
  places: ['{"id":1,"place":"Bremen"}', '{"id":2,"place":"Bonn"}', '{"id":5,"place":"Hamburg"}'],
  letters: ['Error: no place is like Atlantis'],
};

async function inputIn(folder: string): Promise<string[]> {
  await mkdir(join(folder, 'data'), { mode: 0o777 });
  await writeFile(join(folder, 'data/in.ndjson'), RECORDS.map(record => `${record}\n`).join(''));
  return ['--parameters', `inputFilePattern=${folder}/data/in.ndjson,outputDirectory=gs://places/out/`];
}

test('a folder becomes an image that runs by its spec, here and on a server', { skip }, async t => {
  const { client, home, cwd, env, run } = await prepared(t);
  removed(t, client, 'places:1');
  const built = await run('flex', 'build', 'places', '--image', 'places:1');
  assert.equal(built.status, 0, built.stderr);
  assert.match(
    built.stdout,
    /^built {3}places:1 {2}sha256:[0-9a-f]{12} {2}in \d+\.\d s\nspec {4}\/.*\/places\.json\n$/,
  );
  assert.match(built.stderr, /^udfs\/places\/places\.js: 4 cases pass\n/);
  assert.match(built.stderr, /^Places are corrected; one that nobody knows becomes a dead letter: passes$/m);
  assert.match(built.stderr, /^2\/3 {2}COPY \.sluice\/root\/ \/$/m);
  const spec = JSON.parse(await readFile(join(cwd, 'places.json'), 'utf8'));
  assert.deepEqual(Object.keys(spec), ['defaultEnvironment', 'image', 'metadata', 'sdkInfo']);
  assert.equal(spec.image, 'places:1');
  assert.deepEqual(spec.sdkInfo, { language: 'YAML' });
  assert.deepEqual(
    spec.metadata.parameters.map(({ name }: { name: string }) => name),
    ['inputFilePattern', 'outputDirectory', 'deadLetterDirectory'],
  );

  const parameters = await inputIn(cwd);
  const here = await run('flex', 'run', 'places.json', ...parameters);
  assert.equal(here.status, 0, here.stderr);
  assert.match(here.stdout, /^DONE .*\n +read +5 .*\n +written +3 .*\n +filtered +1\n +dead-lettered +1 /);
  assert.deepEqual(await outputIn(join(home, 'cloud/gs/places/out')), EXPECTED);

  const [, jobId = ''] = /job (\S+),/.exec(here.stdout) ?? [];
  await writeFile(join(cwd, 'mended.js'), 'const places = text => text.replace("Atlantis", "Bonn");');
  const mended = [
    '--udf',
    'mended.js',
    '--function',
    'places',
    '--parameters',
    'outputDirectory=gs://places/again/',
  ];
  const replayed = await run('dlq', 'replay', jobId, ...mended);
  assert.equal(replayed.status, 0, replayed.stderr);
  const again = await outputIn(join(home, 'cloud/gs/places/again'));
  assert.deepEqual(again, { places: ['{"id":4,"place":"Bonn"}'], letters: [] });

  const other = await temporaryFolder(t);
  const served = await serve(t, { home: other, cwd, env }, ['--root', cwd]);
  const there = await served.sluice([
    'flex',
    'run',
    'places.json',
    '--job-name',
    'places',
    '--wait',
    ...parameters,
  ]);
  assert.equal(there.status, 0, there.stderr);
  assert.deepEqual(await outputIn(join(other, 'cloud/gs/places/out')), EXPECTED);
  const { jobs } = await served.json(['jobs', 'list']);
  assert.equal(jobs[0].templateId, 'Correct_Places');
});

test('a template of the catalog becomes an image; its spec goes into a bucket', { skip }, async t => {
  const { client, home, cwd, run } = await prepared(t);
  removed(t, client, 'count:2');
  const built = await run(
    'flex',
    'build',
    'Word_Count',
    'gs://specs/count.json',
    '--image',
    'count:2',
    '--no-test',
    '--json',
  );
  assert.equal(built.status, 0, built.stderr);
  const { image, imageId, layers, spec } = JSON.parse(built.stdout);
  assert.deepEqual([image, spec], ['count:2', 'gs://specs/count.json']);
  assert.equal((await client.getImage('count:2').inspect()).Id, imageId);
  assert.ok(layers.length > 1);
  assert.deepEqual(await readdir(join(home, 'cloud/gs/specs')), ['count.json']);
  await writeFile(join(cwd, 'words.txt'), 'to be or not to be\n');
  const parameters = `inputFile=${cwd}/words.txt,output=gs://counts/words`;
  const ran = await run('flex', 'run', 'gs://specs/count.json', '--parameters', parameters);
  assert.equal(ran.status, 0, ran.stderr);
  const [file = ''] = await readdir(join(home, 'cloud/gs/counts'));
  const counts = (await readFile(join(home, 'cloud/gs/counts', file), 'utf8')).trim().split('\n').sort();
  assert.deepEqual(counts, ['be: 2', 'not: 1', 'or: 1', 'to: 2']);
});

interface Fault {
  files?: Record<string, string>;
  args?: string[];
  env?: NodeJS.ProcessEnv;
  status: number;
  message: RegExp;
}

const CASES = 'udfs/places/cases.json';
const FAULTS: Record<string, Fault> = {
  'a template that is not well formed': {
    files: { 'template.yaml': 'id: X\n' },
    status: 2,
    message: /template\.yaml:1:1: lacks the key .* \[TEMPLATE_INVALID\]/,
  },
  'a case that fails': {
    files: { [CASES]: '{"function": "places", "cases": [{"name": "no", "input": "{}", "output": "x"}]}' },
    status: 1,
    message: /udfs\/places\/places\.js: the case "no" gives \(filtered\), not x \[TESTS_FAILED\]/,
  },
  'a package that is not installed': {
    files: { 'udfs/more.js': "import 'left-pad';" },
    status: 2,
    message:
      /udfs\/more\.js:1:8: it imports left-pad, which is not there: run `npm install` in .* \[UDF_PACKAGE_MISSING\]/,
  },
  'no engine': {
    env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
    status: 1,
    message: /no Docker engine answers at unix:\/\/\/nowhere\/docker\.sock, .* \[ENGINE_UNREACHABLE\]/,
  },
  'a base that is not there': {
    args: ['--no-test', '--base', 'nothing-like-it:1'],
    status: 2,
    message: /there is no image nothing-like-it:1 to build on: .* \[IMAGE_NOT_FOUND\]/,
  },
  'a step that fails': {
    files: { 'Dockerfile.hbs': 'RUN echo why >&2; exit 1\n' },
    args: ['--no-test'],
    status: 1,
    message: /step 3\/6, RUN echo why >&2; exit 1, failed: .*; it said: why \[IMAGE_BUILD_FAILED\]/,
  },
  'a name that is none': {
    args: ['--image', 'Places:1'],
    status: 2,
    message: /"Places:1" is no name of an image/,
  },
  'a spec that cannot be written': {
    args: ['places/template.yaml/spec.json'],
    status: 2,
    message:
      /the spec cannot be written to places\/template\.yaml\/spec\.json: ENOTDIR \[OUTPUT_UNWRITABLE\]/,
  },
};

for (const [what, { files = {}, args = [], env = {}, status, message }] of Object.entries(FAULTS))
  test(`refused in one sentence, and nothing is left: ${what}`, { skip }, async t => {
    const { client, home, cwd, env: ours } = await prepared(t);
    await writeFiles(join(cwd, 'places'), files);
    const line = [
      'flex',
      'build',
      'places',
      ...args,
      ...(args.includes('--image') ? [] : ['--image', 'faulty:1']),
    ];
    const finished = await sluice(line, { home, cwd, env: { ...ours, ...env } });
    assert.equal(finished.status, status, finished.stderr);
    const told = finished.stderr.split('\n').find(each => each.startsWith('sluice: ')) ?? '';
    assert.match(told, message);
    assert.equal(finished.stdout, '');
    assert.deepEqual(await readdir(cwd), ['places']);
    const images = await client.listImages({ filters: { dangling: ['true'] } });
    assert.deepEqual([images, await client.listContainers({ all: true })], [[], []]);
    await assert.rejects(client.getImage('faulty:1').inspect());
  });

test('a test of the template that fails is told, and can be left out', { skip }, async t => {
  const { client, cwd, run } = await prepared(t);
  removed(t, client, 'untested:1');
  const file = join(cwd, 'places/template.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace('place: Leipzig', 'place: Bonn'));
  const tested = await run('flex', 'build', 'places', '--image', 'untested:1');
  assert.equal(tested.status, 1);
  assert.match(
    tested.stderr,
    /^sluice: the test "Places are corrected; .*" fails: out\/places\* lacks {"id":1,"place":"Bonn"}; .* \[TESTS_FAILED\]$/m,
  );
  const untested = await run('flex', 'build', 'places', '--image', 'untested:1', '--no-test');
  assert.equal(untested.status, 0, untested.stderr);
});

test('a build that is interrupted leaves nothing', { skip }, async t => {
  const { client, home, cwd, env } = await prepared(t);
  await writeFiles(join(cwd, 'places'), {
    'Dockerfile.hbs': 'RUN echo 1 > /one\nRUN echo waiting && sleep 1000\n',
  });
  const line = ['flex', 'build', 'places', '--image', 'stopped:1', '--no-test'];
  const running = startSluice(line, { home, cwd, env });
  await running.says('     waiting');
  running.child.kill('SIGINT');
  const { status } = await running.finished;
  assert.equal(status, 130);
  assert.deepEqual(await readdir(cwd), ['places']);
  const left = async () =>
    (await client.listContainers({ all: true })).length +
    (await client.listImages({ filters: { dangling: ['true'] } })).length;
  // The engine removes the container of the step by itself.
  for (const deadline = Date.now() + 60_000; (await left()) > 0; await sleep(50))
    assert.ok(Date.now() < deadline, 'something is left');
});
