import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { loadConfig } from '../../src/config.ts';
import {
  readFromAvro,
  readFromCsv,
  readFromJson,
  readFromParquet,
} from '../../src/connectors/files/index.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import { openSource, readTexts } from '../connectors/files/record-parts.ts';
import { prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { startGcsBuckets } from '../helpers/buckets.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';

const RECORDS = 10_000;
/** Of each hundred one has a price that is none; the function throws at one, and filters one. */
const FATES = { misfit: 13, throws: 57, filtered: 91 };
const UDF = `function check(text) {
  const order = JSON.parse(text);
  if (Number(order.id) % 100 === ${FATES.throws}) throw new Error('unwanted');
  return Number(order.id) % 100 === ${FATES.filtered} ? null : text;
}`;
const ELEMENTS = { read: RECORDS, written: 9700, filtered: 100, deadLettered: 200 };
const SCHEMA = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: 'string' },
    { name: 'price', type: ['null', 'double'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
};

const AT = '2026-11-20T10:05:00Z';
const orderOf = (id: number) => ({
  id,
  name: `n "${id % 7}", x`,
  price: id % 5 === 0 ? null : id / 4,
  at: AT,
});
const goodIds = Array.from({ length: RECORDS }, (_, id) => id).filter(
  id => !Object.values(FATES).includes(id % 100),
);

const csvOf = (id: number): string => {
  const { name, price } = orderOf(id);
  return `${id},"${name.replaceAll('"', '""')}",${id % 100 === FATES.misfit ? 'much' : (price ?? '')},${AT}`;
};
const jsonOf = (id: number): string =>
  JSON.stringify({ ...orderOf(id), ...(id % 100 === FATES.misfit && { price: 'much' }) });

const sources = { avro: readFromAvro, csv: readFromCsv, json: readFromJson, parquet: readFromParquet };
type Format = keyof typeof sources;

async function convert(
  t: TestContext,
  input: Format,
  inputFileSpec: string,
  outputFileFormat: Format,
  more: Record<string, unknown> = {},
  kills: readonly `${CrashPoint}:${number}`[] = [],
) {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'schema.avsc'), JSON.stringify(SCHEMA));
  await writeFile(join(folder, 'check.js'), UDF);
  const parameters = {
    inputFileFormat: input,
    inputFileSpec,
    outputFileFormat,
    outputBucket: join(folder, 'out'),
    ...(more.schema === true && { schema: join(folder, 'schema.avsc') }),
    ...(more.udf === true && {
      javascriptTextTransformGcsPath: join(folder, 'check.js'),
      javascriptTextTransformFunctionName: 'check',
    }),
    ...(input === 'csv' && { containsHeaders: true }),
  };
  const env = kills.length > 0 ? { SLUICE_CHECKPOINT_MS: '20' } : {};
  const job = await prepareIn(join(folder, 'home'), 'File_Format_Conversion', parameters, env);
  for (const point of kills) assert.ok(wasKilled(await startJob(job, point).ended), point);
  const summary = await startJob(job).ended;
  assert.equal(summary.state, 'DONE', JSON.stringify(summary.error));
  const path = join(folder, 'out/output*');
  return {
    elements: summary.elements,
    path,
    rows: async () =>
      (await readTexts(await openSource(t, sources[outputFileFormat], folder, { path }))).map(text =>
        JSON.parse(text),
      ),
    letters: () =>
      globSync(join(folder, 'out/errors/*.json'))
        .flatMap(file => readFileSync(file, 'utf8').trimEnd().split('\n'))
        .map(line => JSON.parse(line)),
  };
}

async function inputOf(t: TestContext, format: 'csv' | 'json'): Promise<string> {
  const folder = join(await temporaryFolder(t), 'in');
  await mkdir(folder);
  const half = RECORDS / 2;
  for (const [i, first] of [0, half].entries()) {
    const ids = Array.from({ length: half }, (_, each) => first + each);
    const lines = format === 'csv' ? ['id,name,price,at', ...ids.map(csvOf)] : ids.map(jsonOf);
    await writeFile(join(folder, `${i}.${format}.gz`), gzipSync(`${lines.join('\n')}\n`));
  }
  return join(folder, '*');
}

/** Those that a schema or the function refuses, each once. */
function assertLetters(letters: { code: string; payload: string }[], isMisfit = true): void {
  const idOf = (payload: string) => Number(/\d+/.exec(payload)?.[0]);
  const expected = Array.from({ length: RECORDS }, (_, id) => id).filter(
    id => id % 100 === FATES.throws || (isMisfit && id % 100 === FATES.misfit),
  );
  assert.deepEqual(
    letters.map(({ payload }) => idOf(payload)).sort((a, b) => a - b),
    expected,
  );
  for (const { code, payload } of letters)
    assert.equal(code, idOf(payload) % 100 === FATES.throws ? 'UDF_THREW' : 'SCHEMA_VIOLATED');
}

const expectedRows = goodIds.map(orderOf);
const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;

for (const output of ['avro', 'parquet'] as const) {
  test(`CSV and JSON become ${output} of a schema; what fails or does not fit becomes a dead letter`, async t => {
    for (const input of ['csv', 'json'] as const) {
      const { elements, rows, letters } = await convert(t, input, await inputOf(t, input), output, {
        schema: true,
        udf: true,
      });
      const headers = input === 'csv' ? 2 : 0;
      assert.deepEqual(elements, { ...ELEMENTS, read: RECORDS + headers, filtered: 100 + headers });
      assert.deepEqual((await rows()).sort(byId), expectedRows);
      assertLetters(letters());
    }
  });
}

for (const [output, schema] of [
  ['avro', true],
  ['parquet', false],
] as const) {
  test(`a worker killed anywhere writes each record into ${output} ${schema ? 'of' : 'without'} a schema once`, async t => {
    const kills: `${CrashPoint}:${number}`[] = [
      'stage.write:3',
      'checkpoint.prepared:2',
      'file.rename:1',
      'file.renamed:1',
    ];
    const { elements, rows, letters } = await convert(
      t,
      'json',
      await inputOf(t, 'json'),
      output,
      { schema, udf: true },
      kills,
    );
    const misfits = schema ? 0 : 100;
    assert.deepEqual(elements, { ...ELEMENTS, written: 9700 + misfits, deadLettered: 200 - misfits });
    const expected = Array.from({ length: RECORDS }, (_, id) => id).filter(
      id => goodIds.includes(id) || (!schema && id % 100 === FATES.misfit),
    );
    assert.deepEqual(
      (await rows()).map(({ id }) => id).sort((a, b) => a - b),
      expected,
    );
    assertLetters(letters(), schema);
  });
}

test('objects of a store are converted once each, the worker killed anywhere, the store killed and back', {
  skip: missing('gcs'),
}, async t => {
  const server = await startGcsBuckets(t);
  const bucket = await server.bucket();
  for (const first of [0, RECORDS / 2]) {
    const lines = Array.from({ length: RECORDS / 2 }, (_, i) => jsonOf(first + i));
    await bucket.put(`in/${first}.json.gz`, gzipSync(`${lines.join('\n')}\n`));
  }
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'check.js'), UDF);
  await writeFile(join(folder, 'schema.avsc'), JSON.stringify(SCHEMA));
  const parameters = {
    inputFileFormat: 'json',
    inputFileSpec: `${bucket.url}/in/*`,
    outputFileFormat: 'avro',
    outputBucket: `${bucket.url}/out/`,
    schema: join(folder, 'schema.avsc'),
    javascriptTextTransformGcsPath: join(folder, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const env = { ...server.env(), SLUICE_CHECKPOINT_MS: '20' };
  const job = await prepareIn(join(folder, 'home'), 'File_Format_Conversion', parameters, env);
  for (const point of ['stage.write:3', 'checkpoint.saved:1'] as const)
    assert.ok(wasKilled(await startJob(job, point).ended), point);
  const outage = Promise.withResolvers<void>();
  let isKilled = false;
  const running = startJob(job, undefined, {
    onProgress() {
      if (!isKilled) server.service.restart().then(outage.resolve, outage.reject);
      isKilled = true;
    },
  });
  const summary = await running.ended;
  assert.ok(isKilled, 'the store was never killed');
  await outage.promise;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));

  const path = `${bucket.url}/out/output*`;
  const config = loadConfig({ SLUICE_HOME: folder, ...server.env() });
  const rows = (await readTexts(await openSource(t, readFromAvro, folder, { path }, { config }))).map(text =>
    JSON.parse(text),
  );
  assert.deepEqual(rows.sort(byId), expectedRows);
  const letters: string[] = [];
  for (const name of await bucket.names('out/errors/'))
    letters.push(...(await bucket.get(name)).toString().trimEnd().split('\n'));
  assertLetters(letters.map(line => JSON.parse(line)));
});

test('records go from format to format, and are the same in the end', async t => {
  const ways: [Format, Format][] = [
    ['avro', 'parquet'],
    ['parquet', 'csv'],
    ['csv', 'avro'],
    ['avro', 'json'],
  ];
  let { path, rows } = await convert(t, 'json', await inputOf(t, 'json'), 'avro', { schema: true });
  const expected = (await rows()).sort(byId);
  assert.equal(expected.length, 9900);
  for (const [from, to] of ways) {
    const isRecord = to === 'avro' || to === 'parquet';
    const next = await convert(t, from, path, to, isRecord ? { schema: true } : {});
    const { written, deadLettered } = next.elements;
    assert.deepEqual({ written, deadLettered }, { written: 9900, deadLettered: 0 });
    assert.deepEqual((await next.rows()).sort(byId), expected, `${from} to ${to}`);
    ({ path } = next);
  }
});
