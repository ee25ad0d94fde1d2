import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeToElasticsearch } from '../../../src/connectors/elasticsearch/index.ts';
import { type Batch, batchOf, payloadOf } from '../../../src/engine/batch.ts';
import type { Sink, SinkComponent, StageContext } from '../../../src/engine/component.ts';
import { searchClient } from '../../helpers/opensearch.ts';
import { contextOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { startOpenSearch } from '../../services/opensearch.ts';
import { shared } from '../../services/service.ts';

const skip = missing('opensearch');
/** Small, so that it can be asked for too much. */
const SETTINGS = {
  'http.max_content_length': '1mb',
  'thread_pool.write.size': '1',
  'thread_pool.write.queue_size': '2',
};
const server = shared(t => startOpenSearch(t, SETTINGS));
let made = 0;
/** An index nobody has yet. */
const newIndex = (): string => `test-${++made}`;

test('rows become documents, each under the id of its message', { skip }, async t => {
  const { sink, client, index } = await openOn(t);
  const messages = ['{"a":1}', '{"a":9007199254740993}'].map((text, i) => ({ text, messageId: `m${i}` }));
  assert.equal(await sink.write(messageBatch(messages)), undefined);
  assert.equal(await sink.write(messageBatch(messages)), undefined, 'delivered again');
  const documents = await client.documents(index);
  assert.deepEqual(
    documents.map(({ id }) => id),
    ['m0', 'm1'],
  );
  const raw = await fetch(`${(await server()).url}/${index}/_doc/m1`).then(answer => answer.text());
  assert.match(raw, /"_source":\{"a":9007199254740993\}/, 'with all digits');
  assert.deepEqual(sink.outputs?.(), [`${(await server()).url}/${index}`]);
});

test('what one element was made into is told apart, and lines of another job are other documents', {
  skip,
}, async t => {
  const { sink, client, index } = await openOn(t);
  const { sink: other } = await openOn(
    t,
    { index },
    { jobId: 'other', keptAs: { jobId: 'other', stage: 'S' } },
  );
  const given: Batch = { ...batchOf(['{"n":1}', '{"n":2}']), origin: { path: '/in.ndjson', offset: 0 } };
  const original = { batch: given, indices: Int32Array.of(0, 0, 1) };
  const exploded = batchOf(['{"n":10}', '{"n":11}', '{"n":2}'], { original });
  await sink.write(exploded);
  await sink.write(exploded);
  assert.deepEqual(numbers(await client.documents(index)), [2, 10, 11]);
  await other.write(exploded);
  assert.equal((await client.documents(index)).length, 6);
});

test('documents that do not fit the mapping fail with the reason of the server; the others are written', {
  skip,
}, async t => {
  const { sink, client, index } = await openOn(t);
  await client.request('PUT', `/${index}`, { mappings: { properties: { n: { type: 'integer' } } } });
  const rows = Array.from({ length: 3000 }, (_, n) => (n % 100 === 7 ? `{"n":"many ${n}"}` : `{"n":${n}}`));
  const result = await sink.write(batchOf(rows));
  const { failed } = result ?? {};
  assert.equal(failed?.count, 30);
  assert.deepEqual(textsOf(failed).slice(0, 2), ['{"n":"many 7"}', '{"n":"many 107"}']);
  const [first] = failed?.failures ?? [];
  assert.equal(first?.code, 'ELASTICSEARCH_REFUSED');
  assert.match(
    first?.message ?? '',
    /^mapper_parsing_exception: failed to parse field \[n\] of type \[integer\].*; number_format_exception/s,
  );
  assert.equal((await client.documents(index)).length, 2970);
});

test('with create a document that is there stays; the same one counts as written, another one fails', {
  skip,
}, async t => {
  const { sink, client, index } = await openOn(t, { action: 'CREATE', id_field: 'n' });
  assert.equal(await sink.write(batchOf(['{"n":1,"v":"a"}', '{"n":2,"v":"a"}'])), undefined);
  const result = await sink.write(batchOf(['{"n":1,"v":"b"}', '{"v":"a","n":2}', '{"n":3,"v":"b"}']));
  assert.deepEqual(textsOf(result?.failed), ['{"n":1,"v":"b"}']);
  assert.equal(result?.failed?.failures?.[0]?.code, 'ELASTICSEARCH_CONFLICT');
  assert.match(result?.failed?.failures?.[0]?.message ?? '', /^version_conflict_engine_exception/);
  assert.deepEqual(
    (await client.documents(index)).map(({ source }) => source.v),
    ['a', 'a', 'b'],
  );
});

test('documents update and delete each other in the order in which they came, however many requests are under way', {
  skip,
}, async t => {
  const { sink, client, index } = await openOn(t, { id_field: 'id', batch_documents: 7, requests: 8 });
  const writes: Promise<unknown>[] = [];
  for (let n = 0; n < 100; n++)
    writes.push(sink.write(batchOf(Array.from({ length: 10 }, (_, id) => JSON.stringify({ id, n })))));
  await Promise.all(writes);
  const documents = await client.documents(index);
  assert.deepEqual(
    documents.map(({ source }) => source.n),
    Array.from({ length: 10 }, () => 99),
  );
});

test('update sets the fields given and makes what is missing', { skip }, async t => {
  const { sink, client, index } = await openOn(t, { id_field: 'id', partial_update: true });
  await sink.write(batchOf(['{"id":"a","x":1}', '{"id":"a","y":2}', '{"id":"b","y":3}']));
  assert.deepEqual(
    (await client.documents(index)).map(({ source }) => source),
    [
      { id: 'a', x: 1, y: 2 },
      { id: 'b', y: 3 },
    ],
  );
});

test('functions tell id, index, routing and what is deleted; where one throws, its document fails', {
  skip,
}, async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'address.js');
  await writeFile(
    path,
    `function parsed(text) { return JSON.parse(text); }
     function id(text) { if (parsed(text).n === 13) throw new Error('unlucky'); return 'n' + parsed(text).n; }
     function index(text) { return parsed(text).to ?? null; }
     function gone(text) { return String(parsed(text).gone === true); }`,
  );
  const place = (name: string) => ({ path, name });
  const { sink, client, index } = await openOn(t, {
    id_function: place('id'),
    index_function: place('index'),
    routing_function: place('id'),
    delete_function: place('gone'),
  });
  const elsewhere = newIndex();
  const result = await sink.write(
    batchOf([
      '{"n":1}',
      '{"n":2}',
      '{"n":13}',
      `{"n":3,"to":"${elsewhere.toUpperCase()}"}`,
      '{"n":2,"gone":true}',
      '{"n":99,"gone":true}',
    ]),
  );
  assert.deepEqual(textsOf(result?.failed), ['{"n":13}']);
  assert.deepEqual(
    result?.failed?.failures?.map(({ code, message }) => [code, message]),
    [['UDF_THREW', 'Error: unlucky']],
  );
  assert.deepEqual(
    (await client.documents(index)).map(({ id }) => id),
    ['n1'],
  );
  assert.deepEqual(
    (await client.documents(elsewhere)).map(({ id }) => id),
    ['n3'],
  );
});

test('a document that does not say where it belongs fails alone', { skip }, async t => {
  const { sink, client, index } = await openOn(t, { id_field: 'order.id', index_field: 'to' });
  const good = JSON.stringify({ order: { id: 7 }, to: index });
  const result = await sink.write(
    batchOf([
      good,
      `{"to":"${index}"}`,
      '{"order":{"id":8}}',
      `{"order":{"id":"${'x'.repeat(600)}"},"to":"${index}"}`,
      '{"order":{"id":9},"to":"No Index"}',
    ]),
  );
  assert.deepEqual(
    result?.failed?.failures?.map(({ code }) => code),
    [
      'ELASTICSEARCH_FIELD_MISSING',
      'ELASTICSEARCH_FIELD_MISSING',
      'ELASTICSEARCH_FIELD_MISSING',
      'ELASTICSEARCH_REFUSED',
    ],
  );
  assert.match(result?.failed?.failures?.[0]?.message ?? '', /the id is to be its field order\.id/);
  assert.match(result?.failed?.failures?.[3]?.message ?? '', /invalid_index_name_exception/);
  assert.deepEqual(
    (await client.documents(index)).map(({ id }) => id),
    ['7'],
  );
});

test('data streams take what is created, and are named when the action is another', { skip }, async t => {
  const { url } = await server();
  const client = searchClient(url);
  const stream = `stream-${newIndex()}`;
  await client.request('PUT', `/_index_template/${stream}`, {
    index_patterns: [stream],
    data_stream: {},
    priority: 500,
  });
  const { sink } = await openOn(t, { index: stream, action: 'CREATE' });
  const rows = () => messageBatch([{ text: '{"@timestamp":"2026-11-20T10:00:00Z","n":1}', messageId: 'm1' }]);
  assert.equal(await sink.write(rows()), undefined);
  assert.equal(await sink.write(rows()), undefined);
  assert.deepEqual(numbers(await client.documents(stream)), [1]);
  await assert.rejects(openOn(t, { index: stream }), {
    code: 'PARAMETERS_INVALID',
    message: /is a data stream, which takes new documents only: use the action CREATE/,
  });
  const index = newIndex();
  await client.request('PUT', `/${index}`);
  await openOn(t, { index });
});

test('a request that is too large for the server is halved; a document that alone is too large fails', {
  skip,
}, async t => {
  const { sink, client, index } = await openOn(t);
  const large = JSON.stringify({ text: 'x'.repeat(60_000) });
  const tooLarge = JSON.stringify({ text: 'y'.repeat(1_100_000) });
  const result = await sink.write(batchOf([...Array.from({ length: 100 }, () => large), tooLarge]));
  assert.equal(result?.failed?.count, 1);
  assert.deepEqual(textsOf(result?.failed), [tooLarge]);
  assert.match(result?.failed?.failures?.[0]?.message ?? '', /^status 413/);
  assert.equal((await client.documents(index)).length, 100);
});

test('what the server rejects with 429 is sent again until it is there', { skip }, async t => {
  const { sink, client, index } = await openOn(t, { requests: 8, batch_documents: 100 });
  await client.request('PUT', `/${index}`, { settings: { number_of_shards: 3 } });
  const before = await rejections(client);
  const writes = Array.from({ length: 20 }, (_, i) =>
    sink.write(batchOf(Array.from({ length: 100 }, (_, j) => `{"n":${100 * i + j}}`))),
  );
  for (const result of await Promise.all(writes)) assert.equal(result, undefined);
  const rejected = (await rejections(client)) - before;
  assert.ok(rejected > 0, 'the server had to reject something');
  t.diagnostic(`${rejected} rejections`);
  const documents = await client.documents(index);
  assert.deepEqual(
    numbers(documents),
    Array.from({ length: 2000 }, (_, n) => n),
  );
});

/** How many requests the node has turned away because its queue was full. */
async function rejections(client: Opened['client']): Promise<number> {
  const { body } = await client.request('GET', '/_nodes/stats/thread_pool');
  const { nodes } = body as { nodes: Record<string, { thread_pool: { write: { rejected: number } } }> };
  return Object.values(nodes).reduce((sum, node) => sum + node.thread_pool.write.rejected, 0);
}

interface Opened {
  sink: Sink;
  index: string;
  client: ReturnType<typeof searchClient>;
}

async function openOn(
  t: TestContext,
  config: object = {},
  context: Partial<StageContext> = {},
): Promise<Opened> {
  const { url } = await server();
  const index = newIndex();
  const folder = await temporaryFolder(t);
  const component = writeToElasticsearch as SinkComponent;
  const settings = { url, index, ...config };
  const sink = await component.open(settings, contextOf(folder, { input: { form: 'row' }, ...context }));
  t.after(() => sink.close(true));
  return { sink, index: settings.index, client: searchClient(url) };
}

const messageBatch = (messages: { text: string; messageId: string }[]): Batch =>
  batchOf(
    messages.map(({ text }) => text),
    { metadata: messages.map(({ messageId }) => ({ messageId })) },
  );

const textsOf = (batch: Batch | undefined): string[] =>
  Array.from({ length: batch?.count ?? 0 }, (_, i) => (batch ? payloadOf(batch, i).toString() : ''));

const numbers = (documents: { source: Record<string, unknown> }[]): unknown[] =>
  documents.map(({ source }) => source.n).sort((a, b) => Number(a) - Number(b));
