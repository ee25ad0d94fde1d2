import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { searchClient } from '../helpers/opensearch.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startOpenSearch } from '../services/opensearch.ts';
import { shared } from '../services/service.ts';

const skip = missing('opensearch');
const server = shared(startOpenSearch);

const RECORDS = 10_000;
/** Of each hundred one line has too few fields, one has no number, and one does not fit the mapping. */
const FATES = { short: 13, noNumber: 57, misfit: 77 };
const EACH = RECORDS / 100;
const SCHEMA = [
  { name: 'id', type: 'LONG' },
  { name: 'name', type: 'TEXT' },
  { name: 'price', type: 'DOUBLE' },
  { name: 'day', type: 'DATE' },
];
const FILES = 4;
/** The lines of headers are filtered. */
const ELEMENTS = { read: RECORDS + FILES, written: 97 * EACH, filtered: FILES, deadLettered: 3 * EACH };

const lineOf = (id: number): string => {
  if (id % 100 === FATES.short) return `${id},"Bond, James"`;
  const price = id % 100 === FATES.noNumber ? 'much' : String(id / 4);
  return `${id},"Bond, James",${price},${id % 100 === FATES.misfit ? 'someday' : '2026-11-20'}`;
};

const expected = (id: number) => ({
  id,
  name: 'Bond, James',
  price: id / 4,
  day: '2026-11-20',
});

test('records become documents with the types of the schema; broken ones become dead letters', {
  skip,
}, async t => {
  const run = await prepare(t, 'csv-plain');
  const summary = await startJob(run.job).ended;
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
});

test('a worker killed anywhere, and a server killed and back, lose and double nothing', { skip }, async t => {
  const run = await prepare(t, 'csv-killed', { batchSize: 100 }, { SLUICE_CHECKPOINT_MS: '20' });
  for (const point of ['stage.write:2', 'checkpoint.saved:1'] as const)
    assert.ok(wasKilled(await startJob(run.job, point).ended), point);
  const opensearch = await server();
  const before = await run.client.count(run.index);
  const running = startJob(run.job).ended;
  while ((await run.client.count(run.index)) === before) await sleep(5);
  await opensearch.kill();
  await opensearch.restart();
  const summary = await running;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

test('without a schema the headers of the files name the columns, each for its own file', {
  skip,
}, async t => {
  const { url } = await server();
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'a.csv'), '\uFEFFid,name\r\n1,"a ""quoted"" one"\r\n2\r\n');
  await writeFile(join(folder, 'b.csv'), 'name;more,id\nx,3\n');
  const { job, client } = await prepareOn(t, {
    inputFileSpec: join(folder, '*.csv'),
    connectionUrl: url,
    index: 'by-header',
    containsHeaders: true,
    propertyAsId: 'id',
  });
  assert.deepEqual((await startJob(job).ended).elements, {
    read: 5,
    written: 2,
    filtered: 2,
    deadLettered: 1,
  });
  assert.deepEqual(
    (await client.documents('by-header')).map(({ id, source }) => ({ id, source })),
    [
      { id: '1', source: { id: '1', name: 'a "quoted" one' } },
      { id: '3', source: { 'name;more': 'x', id: '3' } },
    ],
  );
});

test('a function makes documents of lines, and others tell ids and deletions', { skip }, async t => {
  const { url } = await server();
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'in.txt'), 'put 1 x\nput 2 y\nrub 1 x\nput 3\n');
  await writeFile(
    join(folder, 'udf.js'),
    `function parse(line) {
       const [verb, key, value] = line.split(' ');
       if (value === undefined) throw new Error('no value');
       return JSON.stringify({ verb, key, value });
     }
     function id(document) { return JSON.parse(document).key; }
     function gone(document) { return String(JSON.parse(document).verb === 'rub'); }`,
  );
  const script = join(folder, 'udf.js');
  const { job, client } = await prepareOn(t, {
    inputFileSpec: join(folder, 'in.txt'),
    connectionUrl: url,
    index: 'by-function',
    bulkInsertMethod: 'INDEX',
    javascriptTextTransformGcsPath: script,
    javascriptTextTransformFunctionName: 'parse',
    javaScriptIdFnGcsPath: script,
    javaScriptIdFnName: 'id',
    javaScriptIsDeleteFnGcsPath: script,
    javaScriptIsDeleteFnName: 'gone',
    deadletterTable: 'letters.of_functions',
  });
  assert.deepEqual((await startJob(job).ended).elements, {
    read: 4,
    written: 3,
    filtered: 0,
    deadLettered: 1,
  });
  assert.deepEqual(
    (await client.documents('by-function')).map(({ id, source }) => [id, source.value]),
    [['2', 'y']],
  );
});

interface Run {
  job: Prepared;
  index: string;
  client: ReturnType<typeof searchClient>;
  errors: string;
}

async function prepareOn(t: TestContext, parameters: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) {
  const job = await prepareIn(await temporaryFolder(t), 'GCS_to_Elasticsearch', parameters, env);
  return { job, client: searchClient((await server()).url) };
}

async function prepare(
  t: TestContext,
  index: string,
  parameters: Record<string, unknown> = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Run> {
  const { url } = await server();
  const folder = await temporaryFolder(t);
  for (let file = 0; file < FILES; file++) {
    const lines = Array.from({ length: RECORDS / FILES }, (_, i) => lineOf((file * RECORDS) / FILES + i));
    await writeFile(join(folder, `${file}.csv`), `id,name,price,day\n${lines.join('\n')}\n`);
  }
  await writeFile(join(folder, 'schema.json'), JSON.stringify(SCHEMA));
  const errors = join(folder, 'errors');
  const prepared = await prepareOn(
    t,
    {
      inputFileSpec: join(folder, '*.csv'),
      connectionUrl: url,
      index,
      jsonSchemaPath: join(folder, 'schema.json'),
      containsHeaders: true,
      deadLetterDirectory: `${errors}/`,
      ...parameters,
    },
    env,
  );
  await prepared.client.request('PUT', `/${index}`, { mappings: { properties: { day: { type: 'date' } } } });
  return { ...prepared, index, errors };
}

async function assertOutcome({ client, index, errors }: Run): Promise<void> {
  const failing = Object.values(FATES);
  const all = Array.from({ length: RECORDS }, (_, id) => id);
  const documents = (await client.documents(index)).map(({ source }) => source);
  assert.deepEqual(
    documents.sort((a, b) => Number(a.id) - Number(b.id)),
    all.filter(id => !failing.includes(id % 100)).map(id => expected(id)),
  );
  const letters = globSync(`${errors}/*`).flatMap(path => readFileSync(path, 'utf8').trimEnd().split('\n'));
  assert.deepEqual(
    letters
      .map(line => JSON.parse(line))
      .map(({ payload, code }) => ({ id: Number(/^\d+/.exec(payload)?.[0]), payload, code }))
      .sort((a, b) => a.id - b.id),
    all
      .filter(id => failing.includes(id % 100))
      .map(id => ({
        id,
        payload: lineOf(id),
        code: id % 100 === FATES.misfit ? 'ELASTICSEARCH_REFUSED' : 'CSV_MALFORMED',
      })),
  );
}
