import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import avro from 'avsc';
import { batchOf } from '../../src/engine/batch.ts';
import type { Outcome, Transform } from '../../src/engine/component.ts';
import { verdictOf } from '../../src/formats/schema-registry.ts';
import { parseAvro } from '../../src/transforms/parse-avro.ts';
import { contextOf, textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startSchemaRegistry } from '../services/schema-registry.ts';
import { freePort, shared } from '../services/service.ts';

const registry = shared(startSchemaRegistry);

const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'note', type: ['null', 'string'] },
  ],
} as const;
const order = avro.Type.forSchema(ORDER as unknown as avro.Schema, { wrapUnions: false });
const bytesOf = (id: number, note: string | null) => order.toBuffer({ id, at: 1_000, note });

function framed(schema: number, record: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(schema, 1);
  return Buffer.concat([head, record]);
}

async function open(t: TestContext, config: object): Promise<Transform> {
  assert.equal(parseAvro.kind, 'transform');
  return parseAvro.open(config, contextOf(await temporaryFolder(t)));
}

async function parse(transform: Transform, payloads: Buffer[]) {
  const { good, failed, filtered = 0 }: Outcome = await transform.process(batchOf(payloads));
  return {
    rows: good.flatMap(textsOf),
    failed: failed?.failures?.map(({ code, message }) => `${code}: ${message}`) ?? [],
    filtered,
  };
}

async function register(
  url: string,
  subject: string,
  schema: unknown,
  references: object[] = [],
): Promise<number> {
  const response = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema), ...(references.length > 0 && { references }) }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return Number(((await response.json()) as { id: number }).id);
}

test('messages with a schema of their own become rows; broken ones fail one by one, with their bytes', async t => {
  const transform = await open(t, { schema: ORDER });
  const good = bytesOf(2 ** 40, 'x');
  const { rows, failed } = await parse(transform, [
    good,
    good.subarray(0, -1),
    bytesOf(2, null),
    Buffer.concat([good, Buffer.of(1)]),
  ]);
  assert.deepEqual(rows, [
    `{"id":${2 ** 40},"at":"1970-01-01T00:00:01Z","note":"x"}`,
    '{"id":2,"at":"1970-01-01T00:00:01Z","note":null}',
  ]);
  assert.equal(failed.length, 2);
  for (const each of failed) assert.match(each, /^AVRO_MALFORMED: no record of Avro: /);
});

const skip = missing('schema-registry');

test('schemas come from a real registry, by their numbers, with those they refer to', { skip }, async t => {
  const { url } = await registry();
  const first = await register(url, 'orders', ORDER);
  const basket = {
    type: 'record',
    name: 'Basket',
    namespace: 'shop',
    fields: [{ name: 'orders', type: { type: 'array', items: 'shop.Order' } }],
  };
  const second = await register(url, 'baskets', basket, [
    { name: 'shop.Order', subject: 'orders', version: 1 },
  ]);
  const transform = await open(t, { schema_registry_url: url });
  const inBasket = Buffer.concat([Buffer.of(2), bytesOf(7, null), Buffer.of(0)]);
  const { rows, failed } = await parse(transform, [
    framed(first, bytesOf(1, 'a')),
    framed(second, inBasket),
    framed(999_999, bytesOf(1, 'a')),
    Buffer.from('{"id":1}'),
    Buffer.alloc(0),
  ]);
  assert.deepEqual(rows, [
    '{"id":1,"at":"1970-01-01T00:00:01Z","note":"a"}',
    '{"orders":[{"id":7,"at":"1970-01-01T00:00:01Z","note":null}]}',
  ]);
  const why =
    'AVRO_MALFORMED: no record of Avro: it does not begin with a zero byte and the number of a schema';
  assert.deepEqual(failed, ['SCHEMA_NOT_FOUND: the registry has no schema 999999', why, why]);
});

test('a registry that goes away and comes back loses nothing', { skip }, async t => {
  const service = await registry();
  const id = await register(service.url, 'again', { ...ORDER, name: 'Again' });
  const transform = await open(t, { schema_registry_url: service.url });
  await service.kill();
  const parsing = parse(transform, [framed(id, bytesOf(3, null))]);
  await service.restart();
  assert.deepEqual((await parsing).rows, ['{"id":3,"at":"1970-01-01T00:00:01Z","note":null}']);
});

/** A registry that answers as it is told: what no real one does when it is asked to. */
async function answering(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a registry that does not know us, or is none, is refused at the start', async t => {
  const secret = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  const url = await answering(t, ({ headers }, response) => {
    response.writeHead(headers.authorization === secret ? 200 : 401).end('{"message":"who?"}');
  });
  await open(t, { schema_registry_url: url, schema_registry_user: 'me', schema_registry_password: 'secret' });
  await assert.rejects(open(t, { schema_registry_url: url }), {
    code: 'AUTHENTICATION_FAILED',
    message: /does not accept who we are: 401 .*who\?/,
  });
  const page = await answering(t, (_request, response) => void response.end('<html>'));
  await assert.rejects(open(t, { schema_registry_url: page }), {
    code: 'SERVICE_UNREACHABLE',
    message: /is no schema registry/,
  });
  await assert.rejects(open(t, { schema_registry_url: `http://127.0.0.1:${await freePort()}` }), {
    code: 'SERVICE_UNREACHABLE',
    message: /ECONNREFUSED/,
  });
});

test('answers without end, and schemas that are none, are the fault of their messages or of the registry', async t => {
  const url = await answering(t, ({ url: path = '' }, response) => {
    if (path.endsWith('/1')) response.end(JSON.stringify({ schema: '{"type":"record"}' }));
    else if (path.endsWith('/2'))
      response.end(JSON.stringify({ schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' }));
    else if (path.endsWith('/3')) response.end(JSON.stringify({ schema: '"int"' }));
    else response.end('[]');
  });
  const transform = await open(t, { schema_registry_url: url });
  const { failed } = await parse(
    transform,
    [1, 2, 3].map(id => framed(id, Buffer.of(2))),
  );
  assert.deepEqual(failed, [
    'SCHEMA_NOT_FOUND: schema 1 cannot be used: schema 1: nothing is no name of letters, digits and underscores',
    'SCHEMA_NOT_FOUND: schema 2 is of PROTOBUF, and not of Avro',
    'SCHEMA_NOT_FOUND: schema 3 is of int, and rows are records',
  ]);
});

test('which answer of a registry is final, and which is tried again', () => {
  const verdicts = [200, 404, 401, 403, 408, 429, 500, 502, 503, 504, 400, 422, 301].map(verdictOf);
  assert.deepEqual(verdicts, [
    'found',
    'missing',
    'refused',
    'refused',
    'retry',
    'retry',
    'retry',
    'retry',
    'retry',
    'retry',
    'final',
    'final',
    'final',
  ]);
});
