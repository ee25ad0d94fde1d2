import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { readAddress } from '../../../src/connectors/elasticsearch/address.ts';
import { writeToElasticsearch } from '../../../src/connectors/elasticsearch/index.ts';
import { batchOf, payloadOf } from '../../../src/engine/batch.ts';
import type { Sink, SinkComponent } from '../../../src/engine/component.ts';
import { makeCertificates } from '../../helpers/certificates.ts';
import { contextOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

/** Who answers like a node with security, which no server at hand has: what it was asked, and what it is to say. */
interface Fake {
  url: string;
  asked: { path: string; headers: IncomingMessage['headers']; lines: string[] }[];
  /** The answer to the next bulk request; absent: all documents are written. */
  next: ((documents: number) => { status: number; body: object } | 'hang up')[];
}

const OK = { version: { number: '8.15.0' }, tagline: 'You Know, for Search' };

test('addresses are of nodes, or of a deployment in the cloud; user and password may be in them', () => {
  const cloud = (text: string) => `name:${Buffer.from(text).toString('base64')}`;
  const shown = (given: string | string[]) => readAddress(given).urls.map(String);
  assert.deepEqual(shown('http://localhost:9200'), ['http://localhost:9200/']);
  assert.deepEqual(shown(['http://a:1', 'https://b/below']), ['http://a:1/', 'https://b/below']);
  assert.deepEqual(shown(cloud('eu.found.io$abc123$kib')), ['https://abc123.eu.found.io/']);
  assert.deepEqual(shown(cloud('eu.found.io:9243$abc123$')), ['https://abc123.eu.found.io:9243/']);
  assert.partialDeepStrictEqual(readAddress('https://us%40er:p%3Aw@host'), {
    user: 'us@er',
    password: 'p:w',
  });
  for (const wrong of [
    'localhost',
    'ftp://host',
    'name:!!',
    cloud('no dollar'),
    cloud('a b$c'),
    cloud('h$a/b'),
  ])
    assert.throws(() => readAddress(wrong), { code: 'PARAMETERS_INVALID' }, wrong);
  assert.throws(
    () => readAddress('ftp://user:geheim@host'),
    (error: Error) => !error.message.includes('geheim'),
  );
});

test('a key, or user and password, go with every request, and are nowhere else', async t => {
  const fake = await startFake(t);
  const basic = `Basic ${Buffer.from('elastic:geheim').toString('base64')}`;
  const cases: [object, string | undefined][] = [
    [{}, undefined],
    [{ api_key: 'a2V5' }, 'ApiKey a2V5'],
    [{ username: 'elastic', password: 'geheim', api_key: 'a2V5' }, basic],
    [{ url: fake.url.replace('//', '//elastic:geheim@') }, basic],
  ];
  for (const [config, expected] of cases) {
    fake.asked.length = 0;
    const { sink } = await openOn(t, fake, config);
    await sink.write(batchOf(['{"a":1}']));
    assert.deepEqual([...new Set(fake.asked.map(({ headers }) => headers.authorization))], [expected]);
    assert.doesNotMatch(JSON.stringify(sink.outputs?.()), /geheim/);
  }
});

test('what is refused at the start is named: who we are, what answers, its version, the index', async t => {
  const fake = await startFake(t, (path, request) =>
    path === '/' && request.headers.authorization !== 'ApiKey right'
      ? { status: 401, body: { error: { type: 'security_exception', reason: 'unable to authenticate' } } }
      : undefined,
  );
  const old = await startFake(t, path =>
    path === '/' ? { status: 200, body: { version: { number: '6.8.0' } } } : undefined,
  );
  const other = await startFake(t, () => ({ status: 200, body: { hello: 'world' } }));
  const right = { api_key: 'right' };
  const cases: [Fake, object, string, RegExp][] = [
    [
      fake,
      { api_key: 'wrong' },
      'AUTHENTICATION_FAILED',
      /does not accept who we are \(status 401\): security_exception: unable/,
    ],
    [
      fake,
      { ...right, index: 'UPPER' },
      'PARAMETERS_INVALID',
      /'UPPER' cannot be the name of an index: it must be in lower/,
    ],
    [fake, { ...right, index: 'a,b' }, 'PARAMETERS_INVALID', /'a,b' cannot be the name of an index/],
    [fake, { ...right, ca_certificate: '/nonexistent' }, 'INPUT_NOT_FOUND', /the certificate \/nonexistent/],
    [old, {}, 'PARAMETERS_INVALID', /is Elasticsearch 6\.8\.0: it takes Elasticsearch 7 or later/],
    [other, {}, 'PARAMETERS_INVALID', /is neither Elasticsearch nor OpenSearch: it answers 200/],
    [
      other,
      { url: 'http://127.0.0.1:9' },
      'SERVICE_UNREACHABLE',
      /Elasticsearch at http:\/\/127\.0\.0\.1:9 does not answer/,
    ],
  ];
  for (const [server, config, code, message] of cases)
    await assert.rejects(openOn(t, server, config), { code, message });
});

test('a key that loses its right while the job runs ends it, and loudly', async t => {
  const fake = await startFake(t);
  const { sink } = await openOn(t, fake);
  const security = { type: 'security_exception', reason: 'action [indices:data/write] is unauthorized' };
  fake.next.push(() => ({
    status: 200,
    body: { errors: true, items: [{ index: { status: 403, error: security } }] },
  }));
  await assert.rejects(sink.write(batchOf(['{"a":1}'])), {
    code: 'AUTHENTICATION_FAILED',
    message: /does not let us write to test \(status 403\): security_exception: action/,
  });
});

test('what is broken off, busy, throttled or no answer of a node is sent again, all of it or what was not taken', async t => {
  const fake = await startFake(t);
  const { sink } = await openOn(t, fake);
  const busy = { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'queue full' } };
  fake.next.push(
    () => 'hang up',
    () => ({ status: 503, body: {} }),
    () => ({ status: 200, body: { from: 'a proxy' } }),
    () => ({
      status: 200,
      body: { errors: true, items: [{ index: { status: 201 } }, { index: busy }, { index: busy }] },
    }),
    () => ({ status: 429, body: {} }),
  );
  assert.equal(await sink.write(batchOf(['{"n":1}', '{"n":2}', '{"n":3}'])), undefined);
  const bulks = fake.asked
    .filter(({ path }) => path.startsWith('/_bulk'))
    .map(({ lines }) => lines.length / 2);
  assert.deepEqual(bulks, [3, 3, 3, 3, 2, 2]);
});

test('a document over which the server fails again and again is refused in the end; the others are written', async t => {
  const fake = await startFake(t);
  const { sink } = await openOn(t, fake);
  const broken = { status: 500, error: { type: 'exception', reason: 'something broke' } };
  for (let i = 0; i < 5; i++)
    fake.next.push(documents => ({
      status: 200,
      body: { errors: true, items: [{ index: broken }, { index: { status: 201 } }].slice(0, documents) },
    }));
  const { failed } = (await sink.write(batchOf(['{"n":1}', '{"n":2}']))) ?? {};
  assert.deepEqual(failed && [payloadOf(failed, 0).toString(), failed.failures?.[0]?.message], [
    '{"n":1}',
    'exception: something broke',
  ]);
});

test('a server that takes nothing for too long fails the job, to be started again', async t => {
  const fake = await startFake(t);
  const { sink } = await openOn(t, fake, { retry_ms: 200 });
  for (let i = 0; i < 20; i++) fake.next.push(() => ({ status: 503, body: {} }));
  await assert.rejects(sink.write(batchOf(['{"n":1}'])), {
    code: 'SERVICE_UNREACHABLE',
    message: /has taken nothing for 0\.2 s: status 503/,
  });
  await assert.rejects(sink.write(batchOf(['{"n":2}'])), { code: 'SERVICE_UNREACHABLE' });
});

test('of several nodes one that is gone costs nothing but the time to notice', async t => {
  const fake = await startFake(t);
  const { sink } = await openOn(t, fake, { url: ['http://127.0.0.1:9', fake.url], compress: true });
  for (let i = 0; i < 20; i++) assert.equal(await sink.write(batchOf([`{"n":${i}}`])), undefined);
  const bulks = fake.asked.filter(({ path }) => path.startsWith('/_bulk'));
  assert.equal(bulks.length, 20);
  assert.equal(bulks[0]?.headers['content-encoding'], 'gzip');
});

test('a certificate must be signed by whom we trust, unless all are taken', async t => {
  const certificates = makeCertificates();
  const fake = await startFake(t, undefined, certificates);
  const ca = join(await temporaryFolder(t), 'ca.pem');
  await writeFile(ca, certificates.ca);
  await assert.rejects(openOn(t, fake), {
    code: 'AUTHENTICATION_FAILED',
    message: /shows a certificate that is not to be trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
  });
  for (const trust of [{ ca_certificate: ca }, { verify_certificate: false }])
    assert.equal(await (await openOn(t, fake, trust)).sink.write(batchOf(['{"a":1}'])), undefined);
});

async function openOn(t: TestContext, { url }: Fake, config: object = {}): Promise<{ sink: Sink }> {
  const context = contextOf(await temporaryFolder(t), { input: { form: 'row' } });
  const sink = await (writeToElasticsearch as SinkComponent).open({ url, index: 'test', ...config }, context);
  t.after(() => sink.close(true));
  return { sink };
}

type Answer = (path: string, request: IncomingMessage) => { status: number; body: object } | undefined;

async function startFake(
  t: TestContext,
  answer: Answer = () => undefined,
  tls?: { key: string; certificate: string },
): Promise<Fake> {
  const fake: Fake = { url: '', asked: [], next: [] };
  const listener: RequestListener = async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request));
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const path = request.url ?? '';
    const lines = plain.toString().split('\n').slice(0, -1);
    fake.asked.push({ path, headers: request.headers, lines });
    const said = answer(path, request) ?? standard(path, lines.length / 2);
    if (said === 'hang up') return void request.socket.destroy();
    response.writeHead(said.status, { 'content-type': 'application/json' }).end(JSON.stringify(said.body));
  };
  const standard = (path: string, documents: number): { status: number; body: object } | 'hang up' => {
    if (path === '/') return { status: 200, body: OK };
    if (!path.startsWith('/_bulk')) return { status: 404, body: {} };
    const next = fake.next.shift();
    if (next) return next(documents);
    const items = Array.from({ length: documents }, () => ({ index: { status: 201 } }));
    return { status: 200, body: { errors: false, items } };
  };
  const server = tls ? createHttps({ key: tls.key, cert: tls.certificate }, listener) : createHttp(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  fake.url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}
