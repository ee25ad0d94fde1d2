import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { startServer, type TestServer } from '../../helpers/server.ts';

const javascript = { headers: { 'content-type': 'text/javascript' } };
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
const upload = ({ put }: TestServer, name: string, source: string, query = '') =>
  put(`/api/udfs/${name}${query}`, source, javascript);
const SHOUT = '/** Shouts. And more. */\nfunction process(x) { return x.toUpperCase(); }';

async function serverWith(t: TestContext, name: string, source: string): Promise<TestServer> {
  const server = await startServer(t);
  const { status, text } = await upload(server, name, source);
  assert.equal(status, 200, text);
  return server;
}

test('a script is uploaded, listed and shown, and each version of it stays', async t => {
  const server = await startServer(t);
  const first = await upload(server, 'shout', SHOUT);
  assert.deepEqual(first.body, { name: 'shout', version: hashOf(SHOUT), changed: true });
  assert.deepEqual((await upload(server, 'shout', SHOUT)).body, { ...first.body, changed: false });
  const louder = `${SHOUT} // louder`;
  await upload(server, 'shout', louder);
  const { body: listed } = await server.get('/api/udfs');
  assert.deepEqual(
    listed.udfs.find(({ name }: { name: string }) => name === 'shout'),
    {
      name: 'shout',
      summary: 'Shouts.',
      origin: 'user',
      version: hashOf(louder),
      module: false,
      hasCases: false,
    },
  );
  assert.ok(listed.udfs.some((each: { name: string; origin: string }) => each.origin === 'sample'));
  const { body: shown } = await server.get('/api/udfs/shout');
  assert.equal(shown.source, louder);
  assert.deepEqual(
    shown.versions.map((each: { version: string }) => each.version),
    [hashOf(louder), hashOf(SHOUT)],
  );
  const { body: old } = await server.get(`/api/udfs/shout/versions/${hashOf(SHOUT)}`);
  assert.equal(old.source, SHOUT);
  const { body: audit } = await server.get('/api/audit?subject=shout');
  assert.deepEqual(
    audit.entries.map(({ action, details }: { action: string; details: object }) => [action, details]),
    [
      ['udf.upload', { version: hashOf(louder) }],
      ['udf.upload', { version: hashOf(SHOUT) }],
    ],
  );
});

test('a script that does not load is refused with its line, and takes the place of none', async t => {
  const server = await serverWith(t, 'shout', SHOUT);
  const syntax = await upload(server, 'shout', 'function one() {}\nconst two = ;');
  assert.equal(syntax.status, 400);
  assert.equal(syntax.body.error.message, "shout.js:2:13: Unexpected token ';'");
  assert.equal(syntax.body.error.details.at(-1).reason, 'UDF_SYNTAX');
  const endless = await upload(server, 'shout', 'for (;;) {}');
  assert.equal(endless.status, 400);
  assert.equal(endless.body.error.details.at(-1).reason, 'UDF_LOAD_FAILED');
  const greedy = await upload(server, 'shout', 'const all = []; for (;;) all.push(new Array(1e6).fill(1));');
  assert.equal(greedy.status, 400);
  assert.equal((await server.get('/api/udfs/shout')).body.version, hashOf(SHOUT));
  // Which function is called a job says, so a script without one of the usual names is fine.
  assert.equal((await upload(server, 'other', 'function f(x) { return x; }')).status, 200);
  const module = await upload(server, 'mod', 'export function process(x) { return x; }', '?module=true');
  assert.equal(module.status, 200, module.text);
  assert.equal((await upload(server, 'mod2', 'export function process(x) { return x; }')).status, 400);
});

test('hostile names and bodies are refused, and write nothing', async t => {
  const server = await startServer(t);
  for (const name of ['..%2f..%2fx', 'a%2fb', 'a.b', 'a%00', 'x'.repeat(101), 'ü', 'a%20b']) {
    const { status, body } = await upload(server, name, SHOUT);
    assert.equal(status, 404, `${name}: ${JSON.stringify(body)}`);
    assert.equal((await server.get(`/api/udfs/${name}`)).status, 404, name);
    assert.equal((await server.get(`/api/udfs/filter/versions/${name}`)).status, 404, name);
    assert.equal(
      (await server.put(`/api/udfs/${name}/cases`, { cases: [{ name: 'x', input: 'x', filtered: true }] }))
        .status,
      404,
    );
  }
  const huge = await upload(server, 'huge', `//${'x'.repeat(5 << 20)}`);
  assert.deepEqual([huge.status, huge.body.error.status], [413, 'INVALID_ARGUMENT']);
  assert.equal((await upload(server, 'empty', '')).status, 400);
  assert.equal((await upload(server, 'empty', ' \n')).status, 400);
  assert.equal((await server.put('/api/udfs/json', { source: 'x' })).status, 415);
  assert.equal((await server.get('/api/udfs/__proto__')).status, 404);
  assert.equal((await readdir(server.home)).includes('udfs'), false);
});

test('a comment of five megabytes of line breaks keeps nobody waiting', async t => {
  const server = await serverWith(t, 'slow', `/*${'\n'.repeat((5 << 20) - 100)}*/ function process() {}`);
  const started = Date.now();
  assert.equal((await server.get('/api/udfs')).status, 200);
  assert.ok(Date.now() - started < 2000);
});

test('cases are uploaded with a script of one’s own, and tell whether it does what they say', async t => {
  const server = await serverWith(t, 'shout', SHOUT);
  const whisper = await upload(server, 'shout', SHOUT.replace('Upper', 'Lower'));
  const cases = { cases: [{ name: 'it shouts', input: 'a', output: 'A' }] };
  const sent = await server.put('/api/udfs/shout/cases', cases);
  assert.deepEqual(sent.body, { name: 'shout', cases: 1 });
  assert.deepEqual((await server.get('/api/udfs/shout')).body.cases, cases);
  const failed = await server.post('/api/udfs/shout:test', {});
  assert.deepEqual(failed.body, {
    passed: 0,
    failed: 1,
    cases: [{ name: 'it shouts', ok: false, expected: 'A', actual: 'a' }],
  });
  const passed = await server.post('/api/udfs/shout:test', { version: hashOf(SHOUT) });
  assert.partialDeepStrictEqual(passed.body, { passed: 1, failed: 0 });
  assert.notEqual(whisper.body.version, hashOf(SHOUT));

  const bad = await server.put('/api/udfs/shout/cases', { cases: [{ name: 'x', input: 1 }] });
  assert.equal(bad.status, 400);
  assert.match(bad.body.error.message, /cases\.0/);
  assert.equal((await server.put('/api/udfs/filter/cases', cases)).status, 404);
  assert.equal((await server.post('/api/udfs/absent:test', {})).status, 404);
  const sample = await server.post('/api/udfs/filter:test', {});
  assert.ok(sample.body.passed > 0 && sample.body.failed === 0);
});

test('a function runs on elements that are given, with what becomes of each and how long it took', async t => {
  const server = await serverWith(t, 'shout', SHOUT);
  const source = `function f(x, context) {
    if (x === 'drop') return null;
    if (x === 'throw') throw new Error('why');
    if (x === 'hang') for (;;) {}
    return x + (context.attributes.a || '');
  }`;
  const elements = [
    'a',
    'drop',
    'throw',
    'hang',
    { payload: { id: 1 }, context: { attributes: { a: 'b' } } },
  ];
  const { body, text } = await server.post('/api/udfs:run', {
    source,
    function: 'f',
    elements,
    limits: { timeoutMs: 50 },
  });
  assert.equal(body.function, 'f', text);
  assert.deepEqual(
    body.results.map(({ ms: _, ...each }: { ms: number }) => each),
    [
      { index: 0, status: 'output', payload: 'a' },
      { index: 1, status: 'filtered' },
      { index: 2, status: 'error', code: 'UDF_THREW', message: 'Error: why', stack: 'at f (udf.js:3:30)' },
      { index: 3, status: 'error', code: 'UDF_TIMEOUT', message: 'f ran longer than 50 ms' },
      { index: 4, status: 'output', payload: '{"id":1}b' },
    ],
  );
  assert.ok(body.results[3].ms >= 50 && body.results[0].ms < 5000);
  const named = await server.post('/api/udfs:run', { path: 'udf://shout', elements: ['a'] });
  assert.equal(named.body.results[0].payload, 'A');
  const run = async (body: object) => (await server.post('/api/udfs:run', body)).status;
  assert.equal(await run({ path: 'udf://absent', elements: [] }), 404);
  assert.equal(await run({ elements: ['a'] }), 400);
  assert.equal(await run({ path: 'udf://shout', source, elements: ['a'] }), 400);
  assert.equal(await run({ source, function: 'f', elements: ['a'], limits: { memoryMb: 100_000 } }), 400);
  assert.equal(await run({ source: 'function (', elements: ['a'] }), 400);
  assert.equal(await run({ source, function: 'g', elements: ['a'] }), 400);
});
