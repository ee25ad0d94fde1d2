import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { sluice } from '../../helpers/cli.ts';
import { descendantsOf, isRunning } from '../../helpers/processes.ts';
import { killService } from '../../helpers/pubsub.ts';
import { startServer } from '../../helpers/server.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const chainOf = (...transforms: object[]) => ({ pipeline: { type: 'chain', transforms } });
const udf = (source: string) => ({ type: 'JavaScriptUdf', config: { source } });

test('a preview shows what becomes of a few elements, and writes nothing', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'in.txt'), 'one\nskip\nbad\nnot shown\n');
  await writeFile(
    join(folder, 'udf.js'),
    `function f(x) { if (x === 'skip') return null; if (x === 'bad') throw new Error('no good'); return x + '!'; }`,
  );
  const { post } = await startServer(t, { config: { roots: [folder] } });
  const { status, body } = await post('/api/previews', {
    templateId: 'GCS_Text_to_GCS_Text',
    parameters: {
      inputFilePattern: join(folder, 'in.txt'),
      outputDirectory: join(folder, 'out'),
      javascriptTextTransformGcsPath: join(folder, 'udf.js'),
      javascriptTextTransformFunctionName: 'f',
    },
    elements: 3,
  });
  assert.equal(status, 200, JSON.stringify(body));
  const path = join(folder, 'in.txt');
  assert.partialDeepStrictEqual(body, {
    elements: [
      { position: `${path}:0`, input: 'one', outputs: [{ sink: 'Write', payload: 'one!' }], failures: [] },
      { position: `${path}:4`, input: 'skip', outputs: [], filteredBy: ['Udf'] },
      { input: 'bad', failures: [{ code: 'UDF_THREW', message: 'Error: no good', transform: 'Udf' }] },
    ],
    warnings: [],
  });
  assert.deepEqual((await readdir(folder)).sort(), ['in.txt', 'udf.js']);
});

test('a pipeline is previewed as YAML or as what it stands for', async t => {
  const { post } = await startServer(t);
  const pipeline = chainOf({ type: 'Create', config: { elements: ['a', 'b'] } }, { type: 'LogForTesting' });
  for (const given of [pipeline, JSON.stringify(pipeline)]) {
    const { body } = await post('/api/previews', { pipeline: given, elements: 1 });
    assert.equal(body.elements.length, 1, JSON.stringify(body));
  }
  const more = await post('/api/previews', { pipeline, parameters: { a: 'b' } });
  assert.deepEqual([more.status, more.body.error.status], [400, 'INVALID_ARGUMENT']);
});

test('a preview ends where elements are grouped, and says so', async t => {
  const { post } = await startServer(t);
  const pipeline = chainOf(
    { type: 'Create', config: { elements: [{ word: 'a' }, { word: 'b' }] } },
    {
      type: 'Combine',
      name: 'Count',
      config: { group_by: 'word', combine: { times: { value: 'word', fn: 'count' } } },
    },
    { type: 'LogForTesting' },
  );
  const { body } = await post('/api/previews', { pipeline });
  assert.equal(body.elements?.length, 2, JSON.stringify(body));
  assert.deepEqual(body.warnings, ['Count: groups elements: what follows it is not previewed']);
});

test('a preview of a subscription takes nothing out of it', async t => {
  const home = await temporaryFolder(t);
  t.after(() => killService({ home }));
  await sluice(['pubsub', 'create', 'orders', '--subscription', 'orders'], { home });
  await sluice(['pubsub', 'publish', 'orders'], { home, input: 'a\nb\n' });
  const { post } = await startServer(t, { config: { home } });
  const parameters = {
    inputSubscription: 'projects/local/subscriptions/orders',
    outputDirectory: 'gs://bucket/out',
  };
  for (let i = 0; i < 2; i++) {
    const { body } = await post('/api/previews', {
      templateId: 'Cloud_PubSub_to_GCS_Text',
      parameters,
      elements: 2,
    });
    assert.deepEqual(
      body.elements.map((each: { input: string }) => each.input),
      ['a', 'b'],
      JSON.stringify(body),
    );
  }
  const { stdout } = await sluice(['pubsub', 'pull', 'orders', '--ack'], { home });
  assert.equal(stdout.match(/^.*[ab]$/gm)?.length, 2);
});

test('what a launch would refuse is refused, and so is what makes no sense', async t => {
  const { post } = await startServer(t);
  const refused = async (body: unknown) => {
    const answer = await post('/api/previews', body);
    return [answer.status, answer.body.error.details.at(-1).reason];
  };
  assert.deepEqual(await refused({ templateId: 'Absent' }), [404, 'TEMPLATE_NOT_FOUND']);
  assert.deepEqual(await refused({ templateId: 'GCS_Text_to_GCS_Text' }), [400, 'PARAMETERS_INVALID']);
  assert.deepEqual(await refused({ pipeline: 'pipeline: [' }), [400, 'PIPELINE_INVALID']);
  for (const body of [
    {},
    { templateId: 'a', pipeline: 'b' },
    { templateId: 'a', elements: 0 },
    { templateId: 'a', elements: 100_000 },
    { templateId: 1 },
    { templateId: 'a', more: true },
  ])
    assert.deepEqual(await refused(body), [400, 'REQUEST_INVALID'], JSON.stringify(body));
});

test('endless loops fail their elements alone, and the server answers meanwhile', async t => {
  const { post, get } = await startServer(t);
  const pipeline = chainOf(
    { type: 'Create', config: { elements: ['loop', 'fine'] } },
    udf('function process(x) { if (x.includes("loop")) for (;;) {} return x; }'),
    { type: 'LogForTesting' },
  );
  let isAnswered = false;
  const looping = post('/api/previews', { pipeline }).finally(() => {
    isAnswered = true;
  });
  let meanwhile = 0;
  for (; !isAnswered; meanwhile++) assert.equal((await get('/api/udfs')).status, 200);
  const { body } = await looping;
  assert.ok(meanwhile > 5, `${meanwhile} answers meanwhile`);
  const [loop, fine] = body.elements;
  assert.deepEqual(
    loop.failures.map((each: { code: string }) => each.code),
    ['UDF_TIMEOUT'],
  );
  assert.equal(fine.outputs[0].payload, '{"element":"fine"}');
});

test('a source that never answers holds no task beyond its client', async t => {
  // A Pub/Sub that takes connections and says nothing.
  const silent = createServer(() => {});
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const { post } = await startServer(t, { config: { pubsubHost: `127.0.0.1:${port}` } });
  const before = descendantsOf(process.pid);
  const client = new AbortController();
  const asked = post(
    '/api/previews',
    {
      templateId: 'Cloud_PubSub_to_GCS_Text',
      parameters: {
        inputSubscription: 'projects/p/subscriptions/silent',
        outputDirectory: 'gs://bucket/out',
      },
    },
    { signal: client.signal },
  );
  asked.catch(() => {});
  let started: number[] = [];
  const until = async (condition: () => boolean) => {
    for (const deadline = Date.now() + 20_000; !condition(); ) {
      assert.ok(Date.now() < deadline, 'it did not come to pass within 20 s');
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  await until(() => {
    started = descendantsOf(process.pid).filter(pid => !before.includes(pid));
    return started.length > 0;
  });
  client.abort();
  await assert.rejects(asked, { name: 'AbortError' });
  await until(() => !started.some(isRunning));
});

test('of a hundred previews at once a few run, a few wait, and the others are told to come again', async t => {
  const { post, get } = await startServer(t);
  const preview = () => post('/api/previews', { templateId: 'Absent' });
  const answers = await Promise.all(Array.from({ length: 100 }, preview));
  const count = (status: number) => answers.filter(answer => answer.status === status).length;
  // Two run and sixteen wait; on a busy machine some come when the first have had their turn.
  assert.ok(count(404) >= 18, `${count(404)} were answered`);
  assert.ok(count(429) >= 20, `${count(429)} were refused`);
  assert.equal(count(404) + count(429), 100);
  const refused = answers.find(({ status }) => status === 429);
  assert.equal(refused?.body.error.status, 'RESOURCE_EXHAUSTED');
  assert.equal((await preview()).status, 404);
  assert.equal((await get('/healthz')).status, 200);
});
