import assert from 'node:assert/strict';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startServer, type TestServer } from '../../helpers/server.ts';

const FLEX = '/v1b3/projects/my-proj/locations/us-central1/flexTemplates:launch';
const CLASSIC = '/v1b3/projects/my-proj/locations/us-central1/templates:launch';
const parameters = { inputFilePattern: 'gs://bucket/in/*.txt', outputDirectory: 'gs://bucket/out/' };

const flexBody = (launchParameter: object, more: object = {}) => ({
  launchParameter: { jobName: 'a-job', parameters, ...launchParameter },
  ...more,
});

async function put(server: TestServer, name: string, text: string): Promise<void> {
  const path = join(server.home, 'cloud/gs', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** The template that a launch of this path would run, or the message of its refusal. */
async function templateOf(server: TestServer, path: string): Promise<string> {
  const { body } = await server.post(FLEX, flexBody({ containerSpecGcsPath: path }));
  if (body.error) return body.error.message;
  server.service.store.jobs.move(body.job.id, 'CANCELLED');
  return server.service.store.jobs.require(body.job.id).templateId ?? '';
}

test('a path stands for the template that its last part names', async t => {
  const server = await startServer(t);
  for (const path of [
    'GCS_Text_to_GCS_Text',
    'gs://dataflow-templates/latest/GCS_Text_to_GCS_Text',
    'gs://dataflow-templates-europe-west1/2026-01-01-00_RC00/flex/GCS_Text_to_GCS_Text',
    'gs://my-own-bucket/GCS_Text_to_GCS_Text',
  ])
    assert.equal(await templateOf(server, path), 'GCS_Text_to_GCS_Text', path);
});

test('a parameter that leads out of the roots is refused by its name, before there is a job', async t => {
  const { home, post, service } = await startServer(t, { config: { roots: ['/data'] } });
  const given = { inputFilePattern: '/etc/*.conf', outputDirectory: join(home, 'out') };
  for (const validateOnly of [true, false]) {
    const body = flexBody(
      { containerSpecGcsPath: 'GCS_Text_to_GCS_Text', parameters: given },
      { validateOnly },
    );
    const { status, body: answer } = await post(FLEX, body);
    assert.equal(status, 403);
    assert.match(
      answer.error.message,
      /^inputFilePattern: \/etc\/\*\.conf lies outside .*; outputDirectory: /,
    );
    const [{ fieldViolations }] = answer.error.details;
    assert.deepEqual(
      fieldViolations.map(({ field }: { field: string }) => field),
      ['inputFilePattern', 'outputDirectory'],
    );
  }
  assert.deepEqual(service.store.jobs.active('service'), []);
});

test('a spec in a file names a template by its image; others are refused clearly', async t => {
  const server = await startServer(t, { config: { roots: [] } });
  await put(server, 'bucket/own.json', JSON.stringify({ image: 'sluice://GCS_Text_to_GCS_Text' }));
  await put(
    server,
    'bucket/image.json',
    JSON.stringify({ image: 'gcr.io/p/I:1', sdkInfo: { language: 'JAVA' } }),
  );
  await put(server, 'bucket/graph', JSON.stringify({ steps: [] }));
  await put(server, 'bucket/noise', 'PK\u0003\u0004');
  assert.equal(await templateOf(server, 'gs://bucket/own.json'), 'GCS_Text_to_GCS_Text');
  assert.equal(
    await templateOf(server, 'gs://bucket/image.json'),
    'gs://bucket/image.json: image "gcr.io/p/I:1" is no name of an image',
  );
  for (const path of ['gs://bucket/graph', 'gs://bucket/noise'])
    assert.match(await templateOf(server, path), /is no spec of a Flex template; a classic template/);
  assert.equal(
    await templateOf(server, 'gs://bucket/absent'),
    'Unable to open template file: gs://bucket/absent',
  );
  assert.match(
    await templateOf(server, 'GCS_Text_to_GCS_Txt'),
    /^Unable to open template file: GCS_Text_to_GCS_Txt: .*GCS_Text_to_GCS_Text/,
  );
  assert.match(await templateOf(server, '/etc/passwd'), /outside the folders/);
});

test('what a spec says of the environment lies below what the launch says', async t => {
  const server = await startServer(t);
  const containerSpec = {
    image: 'sluice://GCS_Text_to_GCS_Text',
    defaultEnvironment: { network: 'theirs', machineType: 'large' },
  };
  const { body } = await server.post(FLEX, flexBody({ containerSpec, environment: { network: 'ours' } }));
  const [pool] = body.job.environment.workerPools;
  assert.equal(pool.network, 'ours');
  assert.equal(pool.machineType, 'large');
});

test('a dry run checks all that a launch checks, and leaves nothing behind', async t => {
  const server = await startServer(t);
  const launch = flexBody({ containerSpecGcsPath: 'GCS_Text_to_GCS_Text' }, { validateOnly: true });
  const { status, body } = await server.post(FLEX, launch);
  assert.equal(status, 200);
  assert.deepEqual(body, {});
  assert.deepEqual(await readdir(join(server.home, 'jobs')).catch(() => []), []);
  assert.equal(server.service.store.jobs.list({}, 10).items.length, 0);
});

test('validateOnly is read as Python writes it', async t => {
  const server = await startServer(t);
  const path = `${CLASSIC}?gcsPath=GCS_Text_to_GCS_Text&alt=json&validateOnly=`;
  assert.deepEqual((await server.post(`${path}True`, { jobName: 'a-job', parameters })).body, {});
  assert.equal((await server.post(`${path}False`, { jobName: 'a-job', parameters })).body.job.name, 'a-job');
  assert.equal((await server.post(`${path}maybe`, { jobName: 'a-job', parameters })).status, 400);
});

test('a function that cannot be loaded is refused before there is a job', async t => {
  const server = await startServer(t);
  await put(server, 'bucket/udf.js', 'function process(line) { return line');
  await put(server, 'bucket/other.js', 'function other(line) { return line; }');
  for (const [path, name, why] of [
    ['gs://bucket/udf.js', 'process', /udf\.js/],
    ['gs://bucket/other.js', 'process', /process/],
    ['gs://bucket/absent.js', 'process', /absent\.js/],
  ] as const) {
    const udf = { javascriptTextTransformGcsPath: path, javascriptTextTransformFunctionName: name };
    for (const validateOnly of [true, false]) {
      const { status, body } = await server.post(
        FLEX,
        flexBody(
          { containerSpecGcsPath: 'GCS_Text_to_GCS_Text', parameters: { ...parameters, ...udf } },
          { validateOnly },
        ),
      );
      assert.ok(status === 400 || status === 404, body.error?.message);
      assert.match(body.error.message, why);
    }
  }
  assert.equal(server.service.store.jobs.list({}, 10).items.length, 0);
});

const workersOf = async (
  server: TestServer,
  template: string,
  environment: object,
  given: object = parameters,
) => {
  const { body } = await server.post(
    FLEX,
    flexBody({ containerSpecGcsPath: template, environment, parameters: given }),
  );
  if (body.error) return body.error.message;
  server.service.store.jobs.move(body.job.id, 'CANCELLED');
  return server.service.store.jobs.require(body.job.id).workers;
};

test('workers share a job where it can be shared, and it is said where it cannot', async t => {
  const server = await startServer(t);
  const text = 'GCS_Text_to_GCS_Text';
  assert.equal(await workersOf(server, text, { numWorkers: 3 }), 3);
  assert.equal(await workersOf(server, text, { numWorkers: '3' }), 3);
  assert.equal(await workersOf(server, text, { numWorkers: 0 }), 1);
  assert.equal(await workersOf(server, text, { numWorkers: 5, maxWorkers: 2 }), 2);
  assert.equal(await workersOf(server, text, { maxWorkers: 10 }), 1);
  assert.equal(await workersOf(server, text, {}, { ...parameters, numWorkers: '2' }), 2);
  assert.match(await workersOf(server, text, { numWorkers: 1000 }), /numWorkers: 1000 workers are more than/);
  const counting = { inputFile: 'gs://bucket/in.txt', output: 'gs://bucket/counts' };
  assert.match(await workersOf(server, 'Word_Count', { numWorkers: 2 }, counting), /must see all elements/);
  assert.equal(await workersOf(server, 'Word_Count', { maxWorkers: 2 }, counting), 1);
});

test('names and labels are checked by the rules of Google’s clouds', async t => {
  const server = await startServer(t);
  const launch = (jobName: string, additionalUserLabels: object = {}) =>
    server.post(
      FLEX,
      flexBody({
        jobName,
        containerSpecGcsPath: 'GCS_Text_to_GCS_Text',
        environment: { additionalUserLabels },
      }),
    );
  for (const name of ['', 'A', '1a', 'a-', 'a_b', 'a b', `a${'b'.repeat(1024)}`, '../x'])
    assert.equal((await launch(name)).status, 400, name);
  for (const labels of [
    { A: 'b' },
    { a: 'B' },
    { '1': 'a' },
    { a: 'b'.repeat(64) },
    { ['a'.repeat(64)]: 'b' },
  ])
    assert.match((await launch('a-job', labels)).body.error.message, /is no label/);
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, 'x']));
  assert.match((await launch('a-job', many)).body.error.message, /64 at most/);
  const { body } = await launch('a-job', { team: 'eins', ünïcode: 'ß_1-2' });
  assert.equal(body.job.labels.team, 'eins');
  assert.equal(body.job.labels.ünïcode, 'ß_1-2');
});

test('a name is taken in its project and location only, and by active jobs only', async t => {
  const server = await startServer(t);
  const launch = (project: string, location: string) =>
    server.post(
      `/v1b3/projects/${project}/locations/${location}/flexTemplates:launch`,
      flexBody({ containerSpecGcsPath: 'GCS_Text_to_GCS_Text' }),
    );
  const { body } = await launch('my-proj', 'us-central1');
  const taken = await launch('my-proj', 'us-central1');
  assert.equal(taken.status, 409);
  assert.equal(taken.body.error.status, 'ALREADY_EXISTS');
  assert.equal(taken.body.error.message, 'There is already an active job named a-job.');
  assert.equal((await launch('my-proj', 'europe-west1')).status, 200);
  assert.equal((await launch('other', 'us-central1')).status, 200);
  server.service.store.jobs.move(body.job.id, 'CANCELLED');
  assert.equal((await launch('my-proj', 'us-central1')).status, 200);
});

test('fields that nobody knows are refused, but for those of the environment', async t => {
  const server = await startServer(t);
  const template = { containerSpecGcsPath: 'GCS_Text_to_GCS_Text' };
  const unknown = await server.post(FLEX, flexBody({ ...template, paramters: {} }));
  assert.equal(unknown.status, 400);
  assert.match(unknown.body.error.message, /paramters/);
  const later = await server.post(FLEX, flexBody({ ...template, environment: { invented: { later: 1 } } }));
  assert.equal(later.status, 200);
  const huge = await server.post(FLEX, flexBody({ ...template, environment: { x: 'x'.repeat(70_000) } }));
  assert.equal(huge.status, 400);
  const typed = await server.post(FLEX, flexBody({ ...template, parameters: { inputFilePattern: 5 } }));
  assert.equal(typed.status, 400);
  assert.match(typed.body.error.message, /inputFilePattern/);
});

test('who launched a job is in its record and in the audit', async t => {
  const server = await startServer(t);
  const { body } = await server.post(FLEX, flexBody({ containerSpecGcsPath: 'GCS_Text_to_GCS_Text' }));
  assert.equal(server.service.store.jobs.require(body.job.id).launchedBy, 'local');
  await server.put(`/v1b3/projects/my-proj/jobs/${body.job.id}`, { requestedState: 5 });
  await server.put(`/v1b3/projects/my-proj/jobs/${body.job.id}`, { requestedState: 5 });
  const { body: told } = await server.get('/api/audit');
  assert.deepEqual(
    told.entries.map((each: { action: string; subject: string }) => [each.action, each.subject]),
    [
      ['job.cancel', body.job.id],
      ['job.launch', body.job.id],
    ],
  );
});

test('a template of the user’s is found as soon as its file is there, and as it is now', async t => {
  const server = await startServer(t);
  const launch = (more: object) =>
    server.post(FLEX, flexBody({ containerSpecGcsPath: 'My_Template', ...more }, { validateOnly: true }));
  assert.equal((await launch({})).status, 404);
  const folder = join(server.home, 'templates/My_Template');
  await mkdir(folder, { recursive: true });
  const file = (kind: string) =>
    [
      'id: My_Template',
      'title: Mine',
      'category: BATCH',
      'streaming: false',
      'description: Mine.',
      'parameters:',
      '  type: object',
      '  required: [what]',
      '  properties:',
      `    what: {type: ${kind}, title: What, description: What.}`,
      'pipeline:',
      '  type: chain',
      '  transforms:',
      '    - type: Create',
      '      config: {elements: ["{{what}}"]}',
      '    - type: LogForTesting',
    ].join('\n');
  await writeFile(join(folder, 'template.yaml'), file('integer'));
  assert.equal((await launch({ parameters: { what: 'text' } })).status, 400);
  assert.equal((await launch({ parameters: { what: '5' } })).status, 200);
  await writeFile(join(folder, 'template.yaml'), file('string'));
  assert.equal((await launch({ parameters: { what: 'text' } })).status, 200);
  await cp(folder, join(server.home, 'templates/Another'), { recursive: true });
  assert.equal((await launch({ parameters: { what: 'text' } })).status, 200);
});

test('the forms of a path that clients send mean the same', async t => {
  const server: TestServer = await startServer(t);
  const get = (query: string) =>
    server.get(`/v1b3/projects/my-proj/locations/us-central1/templates:get?${query}`);
  const templates = [
    'gcsPath=gs://b/c/Word_Count',
    'gcsPath=gs%3A//b/c/Word_Count',
    'gcs_path=gs%3A%2F%2Fb%2Fc%2FWord_Count&view=0&alt=json&prettyPrint=false',
  ];
  for (const query of templates) assert.equal((await get(query)).body.templateType, 'FLEX', query);
  assert.equal((await get('view=METADATA_ONLY')).status, 400);
});

test('a classic template’s metadata are read from the file beside it', async (t: TestContext) => {
  const server = await startServer(t);
  await put(server, 'bucket/classic', '{"steps": []}');
  const metadata = { name: 'Classic', parameters: [{ name: 'a', label: 'A', helpText: 'A.' }] };
  const path = '/v1b3/projects/my-proj/templates:get?gcsPath=gs://bucket/classic';
  assert.equal(
    (await server.get(path)).body.error.message,
    'Unable to open template file: gs://bucket/classic_metadata',
  );
  await put(server, 'bucket/classic_metadata', JSON.stringify(metadata));
  const { body } = await server.get(path);
  assert.equal(body.templateType, 'LEGACY');
  assert.deepEqual(body.metadata, metadata);
  assert.deepEqual(body.runtimeMetadata.parameters, metadata.parameters);
  await put(server, 'bucket/classic_metadata', '{"name": "Classic", "parameters": [{"name": null}]}');
  const { body: refused } = await server.get(path);
  assert.match(
    refused.error.message,
    /^the metadata of gs:\/\/bucket\/classic are not well formed: \/parameters\/0\/name/,
  );
});
