import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { errorAnswer } from '../../src/api/errors.ts';
import { connect } from '../../src/cli/client.ts';
import { SluiceError } from '../../src/errors.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A server that answers so; gives its address. */
async function answering(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const none: NodeJS.ProcessEnv = {};

test('the token goes along from the environment or from a file, and only as a header', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'token'), 'slc_from-file\n');
  const requests: IncomingMessage[] = [];
  const server = await answering(t, (request, response) => {
    requests.push(request);
    response.setHeader('content-type', 'application/json').end('{"a":1}');
  });
  const env = { SLUICE_SERVER: `${server}/`, SLUICE_TOKEN: 'slc_from-environment' };
  assert.deepEqual(await connect({}, env).get('/x', { query: { a: 'b c', absent: undefined } }), { a: 1 });
  await connect({ tokenFile: join(folder, 'token') }, env).get('/x');
  await connect({ server }, none).get('/x');
  assert.deepEqual(
    requests.map(({ url, headers }) => [url, headers.authorization]),
    [
      ['/x?a=b+c', 'Bearer slc_from-environment'],
      ['/x', 'Bearer slc_from-file'],
      ['/x', undefined],
    ],
  );
});

test('an error of the server has the code, the words and the violations it was thrown with', async t => {
  const thrown = new SluiceError('PARAMETERS_INVALID', 'T: one parameter is invalid', {
    violations: [{ subject: 'p', message: 'must be a number' }],
  });
  const server = await answering(t, (_, response) => {
    const { http, body } = errorAnswer(thrown);
    response.writeHead(http, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await assert.rejects(connect({ server }, none).post('/x', { body: {} }), (error: SluiceError) => {
    const { code, message, violations, exitStatus } = error;
    assert.deepEqual({ code, message, violations, exitStatus }, { ...pick(thrown), exitStatus: 2 });
    return true;
  });
});

const pick = ({ code, message, violations }: SluiceError) => ({ code, message, violations });

const strangers: [name: string, listener: RequestListener, code: string, says: RegExp][] = [
  ['HTML', (_, response) => response.writeHead(502).end('<html>'), 'SERVER_UNREACHABLE', /no Sluice server/],
  ['no JSON', json(200, '{"a":'), 'SERVER_UNREACHABLE', /no Sluice server/],
  ['an error without words', json(500, '{"error":{}}'), 'SERVER_UNREACHABLE', /no Sluice server/],
  [
    'an error of a proxy',
    json(401, '{"error":{"message":"sign in first"}}'),
    'UNAUTHENTICATED',
    /sign in first/,
  ],
  [
    'the way to another server',
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    'SERVER_UNREACHABLE',
    /redirect/,
  ],
  ['an answer cut off', cut, 'SERVER_UNREACHABLE', /no answer from/],
];

function json(status: number, text: string): RequestListener {
  return (_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

function cut(_: IncomingMessage, response: Parameters<RequestListener>[1]): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
  response.write('{"a"', () => response.destroy());
}

for (const [name, listener, code, says] of strangers) {
  test(`a server that answers ${name} is told of, in one sentence`, async t => {
    const server = await answering(t, listener);
    await assert.rejects(connect({ server }, none).get('/x'), (error: SluiceError) => {
      assert.equal(error.code, code);
      assert.match(error.message, says);
      return true;
    });
  });
}

test('what was asked with POST is asked once, also when the connection breaks', async t => {
  let asked = 0;
  const server = await answering(t, (_, response) => {
    asked++;
    response.destroy();
  });
  await assert.rejects(connect({ server }, none).post('/x', { body: {} }), { code: 'SERVER_UNREACHABLE' });
  assert.equal(asked, 1);
});

test('a server that does not answer is given up after a time', async t => {
  const server = await answering(t, () => {});
  const asking = connect({ server }, none).get('/x', { timeoutMs: 50 });
  await assert.rejects(asking, {
    code: 'SERVER_UNREACHABLE',
    message: `no answer from ${server}: it took too long`,
  });
});

test('an address or a token that cannot be one is refused before anything is sent', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'two'), 'one\ntwo\n');
  const refused: [Parameters<typeof connect>[0], NodeJS.ProcessEnv, RegExp][] = [
    [{ server: 'localhost:8080' }, none, /"localhost:8080" is no address of a server/],
    [{ server: 'http://me:secret@host' }, none, /takes no password/],
    [{ tokenFile: join(folder, 'absent') }, none, /absent cannot be read/],
    [{ tokenFile: join(folder, 'two') }, none, /must be one word/],
    [{}, { SLUICE_TOKEN: 'a b' }, /SLUICE_TOKEN holds no token/],
  ];
  for (const [options, env, message] of refused)
    assert.throws(() => connect(options, env), { code: 'USAGE', message });
});
