/** Clients that mean harm, against a real server with real workers. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../helpers/at-end.ts';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { faultOf, send, sendBytes } from './raw-client.ts';

const BASE = '/v1b3/projects/local/locations/us-central1';
/** Longer than that nobody else may have to wait. */
const PATIENCE_MS = 5000;

interface Hosted extends Served {
  home: string;
  root: string;
  outside: string;
}

async function host(t: TestContext): Promise<Hosted> {
  const folder = await temporaryFolder(t);
  const [home, root, outside] = [join(folder, 'home'), join(folder, 'root'), join(folder, 'outside')];
  for (const each of [home, root, outside]) await mkdir(each);
  await writeFile(join(root, 'in.txt'), 'one\ntwo\n');
  await writeFile(join(outside, 'secret.txt'), 'root:x:0:0:nobody may see this\n');
  await writeFile(join(outside, 'udf.js'), 'function process(x) { return x; }');
  const server = await serve(t, { home }, ['--root', root, '--requests-per-minute', '1000000']);
  return { ...server, home, root, outside };
}

async function post(url: string, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const answer = await send(url, { method: 'POST', path, headers, body: JSON.stringify(body) });
  assert.equal(faultOf(answer), undefined);
  return { ...answer, body: JSON.parse(answer.text) };
}

let launched = 0;

const launch = (url: string, template: string, parameters: Record<string, string>, more: object = {}) =>
  post(url, `${BASE}/flexTemplates:launch`, {
    launchParameter: { jobName: `job-${++launched}`, containerSpecGcsPath: template, parameters, ...more },
  });

const launchYaml = (url: string, pipeline: string) =>
  launch(url, 'Yaml_Template', { yaml_pipeline: pipeline });

const get = (url: string, path: string) => send(url, { method: 'GET', path });

/** How a job ended, with all of its messages. */
async function endOf(url: string, id: string): Promise<{ state: string; messages: string[] }> {
  for (const giveUp = Date.now() + 30_000; Date.now() < giveUp; await sleep(100)) {
    const { currentState: state } = JSON.parse((await get(url, `${BASE}/jobs/${id}`)).text);
    if (!/_(?:DONE|FAILED|CANCELLED)$/.test(state)) continue;
    const path = `${BASE}/jobs/${id}/messages?minimumImportance=JOB_MESSAGE_DEBUG`;
    const { jobMessages } = JSON.parse((await get(url, path)).text);
    return { state, messages: jobMessages.map((each: { messageText: string }) => each.messageText) };
  }
  return assert.fail(`${id} does not end`);
}

const pipelineOf = (...transforms: object[]): string =>
  JSON.stringify({ pipeline: { type: 'chain', transforms } });
const create = { type: 'Create', config: { elements: ['one'] } };
const log = { type: 'LogForTesting' };

test('no pipeline reads or writes outside the roots, whatever it names the place', async t => {
  const { url, home, root, outside } = await host(t);
  await symlink(outside, join(root, 'link'));
  const reading = (path: string) => pipelineOf({ type: 'ReadFromText', config: { path } }, log);
  const writing = (path: string) => pipelineOf(create, { type: 'WriteToText', config: { path } });
  const secret = join(outside, 'secret.txt');
  const pipelines = [
    reading(secret),
    reading(`${root}/../outside/secret.txt`),
    reading(`${root}/link/secret.txt`),
    reading(`${root}/{..,x}/outside/secret.txt`),
    reading('/proc/self/environ'),
    reading(join(home, 'sluice.db')),
    reading(join(home, 'jobs/*/job.json')),
    writing(join(outside, 'new/')),
    writing(`${root}/link/new/`),
    writing(join(home, 'templates/Mine/template.yaml')),
    pipelineOf(create, {
      type: 'WriteToText',
      config: { path: `${root}/x`, file_name_suffix: '/../../outside/new' },
    }),
    pipelineOf(
      { type: 'ReadFromText', config: { path: join(root, 'in.txt') } },
      { type: 'ParseCsv', config: { schema: secret } },
      log,
    ),
    pipelineOf({ type: 'GenerateFromSchema', config: { path: secret, rate: 1, limit: 1 } }, log),
    pipelineOf(
      create,
      {
        type: 'Filter',
        config: { language: 'javascript', keep: { path: join(outside, 'udf.js'), name: 'process' } },
      },
      log,
    ),
  ];
  const before = await readdir(outside);
  const tryOne = async (pipeline: string) => {
    const { status, body } = await launchYaml(url, pipeline);
    const { state, messages } =
      status === 200 ? await endOf(url, body.job.id) : { state: 'refused', messages: [body.error.message] };
    assert.match(state, /refused|FAILED/, pipeline);
    assert.match(messages.join('\n'), /lies outside the folders/, pipeline);
    assert.doesNotMatch(messages.join('\n'), /nobody may see this/, pipeline);
  };
  await Promise.all(pipelines.map(tryOne));
  assert.deepEqual(await readdir(outside), before);
  assert.ok(!existsSync(join(home, 'templates')));
});

test('a launch names no file outside the roots, as its template, pipeline or function', async t => {
  const { url, root, outside } = await host(t);
  const copy = {
    inputFilePattern: join(root, 'in.txt'),
    outputDirectory: join(root, 'out'),
    javascriptTextTransformFunctionName: 'process',
  };
  const secret = join(outside, 'secret.txt');
  const answers = [
    await launch(url, secret, {}),
    await launch(url, `${root}/../outside/secret.txt`, {}),
    await launch(url, 'Yaml_Template', { yaml_pipeline_file: secret }),
    await launch(url, 'GCS_Text_to_GCS_Text', {
      ...copy,
      javascriptTextTransformGcsPath: join(outside, 'udf.js'),
    }),
    await launch(url, 'GCS_Text_to_GCS_Text', { ...copy, javascriptTextTransformGcsPath: `${outside}/*.js` }),
    await launch(url, 'GCS_Text_to_GCS_Text', {
      ...copy,
      javascriptTextTransformGcsPath: `${root}/{1..99999999}.js`,
    }),
  ];
  for (const { status, text } of answers) {
    assert.ok(status >= 400 && status < 500, text);
    assert.doesNotMatch(text, /nobody may see this/);
  }
  const codes = answers.slice(0, 5).map(({ status }) => status);
  assert.deepEqual(codes, [403, 403, 403, 403, 403]);
});

test('values of parameters stay values, whatever language they are written in', async t => {
  const { url, root } = await host(t);
  const values = [
    '{{7*7}}',
    '{{constructor.constructor}}',
    '{{#each this}}',
    '<%= 7*7 %>',
    '{% 7 %}',
    '"}], x: [',
    '\n- type: Log',
    '`id`',
    '$(id)',
  ];
  const tryOne = async (value: string) => {
    const { body, status } = await launch(url, 'GCS_Text_to_GCS_Text', {
      inputFilePattern: join(root, 'in.txt'),
      outputDirectory: join(root, 'out'),
      outputFilenamePrefix: `x-${value}-`,
    });
    assert.ok(status === 200 || status === 400, value);
    if (status === 200) assert.equal((await endOf(url, body.job.id)).state, 'JOB_STATE_DONE', value);
  };
  await Promise.all(values.map(tryOne));
  const named = (await readdir(join(root, 'out'))).filter(name => name.startsWith('x-'));
  assert.ok(
    named.some(name => name.startsWith('x-{{7*7}}-')),
    named.join(),
  );
  assert.ok(
    named.every(name => !name.includes('49')),
    named.join(),
  );
});

test('names and labels that no client of Dataflow sends are refused', async t => {
  const { url } = await host(t);
  const names = [
    '',
    'Ünicode',
    'a b',
    'a\nb',
    'a\u001b[31m',
    'x'.repeat(1025),
    '-a',
    'a-',
    '../a',
    '__proto__',
    '<b>',
  ];
  for (const jobName of names) {
    const { status, text } = await launch(url, 'Word_Count', {}, { jobName });
    assert.equal(status, 400, text);
  }
  const long = 'x'.repeat(64);
  for (const additionalUserLabels of [
    { [long]: 'x' },
    { x: long },
    { 'a\nb': 'x' },
    { x: '\u0000' },
    { toString: '<b>' },
    Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, 'x'])),
    Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`l${i}`, 'x'])),
  ]) {
    const { status, text } = await launch(url, 'Word_Count', {}, { environment: { additionalUserLabels } });
    assert.equal(status, 400);
    assert.ok(text.length < 1_000_000, `${text.length}`);
  }
});

test('bombs of YAML are refused soon, and nobody else waits for long', async t => {
  const { url, child } = await host(t);
  const aliases = [...'bcdefghi'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(10)}]`);
  const bombs = [
    `a: &a [${'x,'.repeat(10)}]\n${aliases.join('\n')}\npipeline: *i`,
    `pipeline:\n  type: chain\n  transforms:\n${'    - {type: LogForTesting}\n'.repeat(10_000)}`,
    `pipeline: ${'['.repeat(90_000)}`,
    '}'.repeat(900_000),
    `pipeline: {type: chain, transforms: [{type: Create, config: {elements: [${'a,'.repeat(450_000)}a]}}]}`,
    pipelineOf(create, { type: 'Filter', config: { keep: '('.repeat(400_000) } }),
    '{{'.repeat(450_000),
  ];
  let longestMs = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; await sleep(20)) {
      const began = performance.now();
      assert.equal((await get(url, '/healthz')).status, 200);
      longestMs = Math.max(longestMs, performance.now() - began);
    }
  })();
  for (const bomb of bombs) {
    const { status, text } = await launchYaml(url, bomb);
    assert.equal(status, 400, text);
    assert.ok(text.length < 100_000, `${text.length}`);
  }
  isOver = true;
  await others;
  assert.ok(longestMs < PATIENCE_MS, `${longestMs} ms`);
  assert.ok(residentMb(child.pid) < 500);
});

test('a thousand connections that say nothing keep nobody from being served', async t => {
  const { url, child } = await host(t);
  const { hostname, port } = new URL(url);
  const hanging = Array.from({ length: 1000 }, () => {
    const sent = request({
      hostname,
      port,
      method: 'POST',
      path: `${BASE}/flexTemplates:launch`,
      agent: false,
    });
    sent.on('error', () => {});
    sent.setHeader('content-type', 'application/json').setHeader('content-length', 1_000_000);
    sent.write('{');
    return sent;
  });
  atEnd(t, () => {
    for (const each of hanging) each.destroy();
  });
  await Promise.all(
    hanging.map(each => new Promise(resolve => each.on('socket', socket => socket.on('connect', resolve)))),
  );
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, () => get(url, `${BASE}/jobs`)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(performance.now() - began < 2 * PATIENCE_MS);
  assert.ok(residentMb(child.pid) < 500);
});

test('what is no HTTP is told so, and the server goes on', async t => {
  const { url, grpcPort, child } = await host(t);
  const grpcUrl = `http://127.0.0.1:${grpcPort}`;
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  for (const bytes of ['\0'.repeat(1000), 'GET / HTTP/1.1\r\n\r\n', `${preface}${'\xff'.repeat(100)}`])
    await sendBytes(grpcUrl, bytes);
  const told = await Promise.all(
    [
      'GET\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      'POST /api/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n',
      'GET http://evil/healthz HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n',
      'GET /\u0000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    ].map(bytes => sendBytes(url, bytes)),
  );
  for (const text of told) assert.doesNotMatch(text, /HTTP\/1.1 5/);
  assert.equal((await get(url, '/healthz')).status, 200);
  assert.equal(child.exitCode, null);
});

test('what elements and functions say stays on its line in the log, and plain on the terminal', async t => {
  const { url, home, root, child, finished, sluice } = await host(t);
  const nasty = '\u001b[2J\u001b]0;owned\u0007<script>alert(1)</script>\r\n{"level":"fatal","msg":"forged"}';
  await writeFile(join(root, 'udf.js'), `function process() { throw new Error(${JSON.stringify(nasty)}); }`);
  const { body } = await launchYaml(
    url,
    pipelineOf(
      { type: 'Create', config: { elements: [nasty] } },
      log,
      { type: 'JavaScriptUdf', config: { path: join(root, 'udf.js') } },
      log,
    ),
  );
  const { state, messages } = await endOf(url, body.job.id);
  assert.equal(state, 'JOB_STATE_FAILED');
  assert.ok(
    messages.some(text => text.includes('<script>')),
    messages.join('\n'),
  );
  for (const args of [
    ['jobs', 'logs', body.job.id, '--severity', 'debug'],
    ['jobs', 'show', body.job.id],
    ['jobs', 'list'],
  ]) {
    const { status, stdout, stderr } = await sluice(args);
    assert.equal(status, 0, stderr);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f]/, args.join(' '));
    assert.doesNotMatch(stdout + stderr, /^\{"level":"fatal"/m);
  }
  child.kill('SIGTERM');
  const { stderr } = await finished;
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.ok(lines.every(({ level }) => level !== 'fatal'));
  assert.ok(lines.some(({ jobId }) => jobId === body.job.id));
  assert.ok(existsSync(join(home, 'sluice.db')));
});

function residentMb(pid = 0): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}
