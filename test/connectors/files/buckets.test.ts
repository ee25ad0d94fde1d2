import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../src/config.ts';
import { readFromCsv, readFromText } from '../../../src/connectors/files/index.ts';
import { readLetters } from '../../../src/dlq/read.ts';
import type { SourceComponent } from '../../../src/engine/component.ts';
import { prepareIn, startJob, wasKilled } from '../../faults/launch.ts';
import { type BucketServer, startGcsBuckets, startS3Buckets } from '../../helpers/buckets.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { type Lifetime, shared } from '../../services/service.ts';

const servers = {
  gcs: shared((t: Lifetime) => startGcsBuckets(t)),
  s3: shared((t: Lifetime) => startS3Buckets(t)),
};

const RECORDS = 10_000;
const isBad = (id: number): boolean => id % 100 === 7;
const lineOf = (id: number): string => JSON.stringify({ id, padding: 'x'.repeat(400) });
const UDF = `function check(line) {
  const record = JSON.parse(line);
  if (record.id % 100 === 7) throw new Error('seven');
  return JSON.stringify({ id: record.id });
}`;

for (const name of ['gcs', 's3'] as const) {
  const skip = missing(name);

  test(`${name}: input, function, results and dead letters in a bucket, the worker killed: each record once`, {
    skip,
  }, async t => {
    const server = await servers[name]();
    const bucket = await server.bucket();
    const lines = Array.from({ length: RECORDS }, (_, id) => `${lineOf(id)}\n`);
    await bucket.put('in/big.ndjson', lines.slice(0, 8000).join(''));
    await bucket.put('in/small.ndjson', lines.slice(8000).join(''));
    await bucket.put('udf.js', UDF);
    const job = await prepareIn(
      await temporaryFolder(t),
      'GCS_Text_to_GCS_Text',
      {
        inputFilePattern: `${bucket.url}/in/*.ndjson`,
        outputDirectory: `${bucket.url}/out/`,
        javascriptTextTransformGcsPath: `${bucket.url}/udf.js`,
        javascriptTextTransformFunctionName: 'check',
        numShards: 3,
      },
      { ...server.env(), SLUICE_CHECKPOINT_MS: '20' },
    );
    for (const point of ['checkpoint.written:3', 'file.renamed:2'] as const)
      assert.ok(wasKilled(await startJob(job, point).ended), point);
    const summary = await startJob(job).ended;
    assert.equal(summary.state, 'DONE', summary.error?.message ?? summary.state);
    assert.deepEqual(summary.elements, {
      read: RECORDS,
      written: RECORDS * 0.99,
      filtered: 0,
      deadLettered: RECORDS / 100,
    });
    const names = (await bucket.names('out/')).filter(each => each.startsWith('out/output'));
    assert.deepEqual(
      names,
      [0, 1, 2].map(shard => `out/output-0000${shard}-of-00003.txt`),
    );
    const ids: number[] = [];
    for (const each of names)
      for (const line of (await bucket.get(each)).toString().trimEnd().split('\n'))
        ids.push(JSON.parse(line).id);
    const expected = Array.from({ length: RECORDS }, (_, id) => id).filter(id => !isBad(id));
    assert.deepEqual(
      ids.sort((a, b) => a - b),
      expected,
    );
    const places = [
      {
        stage: 'WriteErrors',
        sink: 'WriteToJson',
        config: { path: `${bucket.url}/out/errors/error-`, file_name_suffix: '.json' },
      },
    ];
    const letters = await Array.fromAsync(readLetters(places, job.config));
    assert.equal(letters.length, RECORDS / 100);
    for (const found of letters) {
      assert.ok('letter' in found && found.at.startsWith(`${bucket.url}/out/errors/error-`));
      assert.ok(isBad(JSON.parse(found.letter.payload ?? '').id));
    }
  });

  test(`${name}: workers share a big object by its bytes`, { skip }, async t => {
    const server = await servers[name]();
    const bucket = await server.bucket();
    const lines = Array.from({ length: RECORDS }, (_, id) => lineOf(id));
    await bucket.put('big', lines.join('\n'));
    const shares: string[][] = [];
    for (const index of [0, 1, 2]) {
      const read = await readAll(readFromText, { path: `${bucket.url}/big` }, server, t, { index, count: 3 });
      shares.push(read);
    }
    assert.ok(
      shares.every(share => share.length > RECORDS / 5),
      'one has nearly nothing',
    );
    assert.deepEqual(shares.flat(), lines);
  });

  test(`${name}: an object that is replaced while it is read is noticed`, { skip }, async t => {
    const server = await servers[name]();
    const bucket = await server.bucket();
    await bucket.put('a', 'one\n'.repeat(1000));
    await bucket.put('b', 'two\n'.repeat(1000));
    const source = await openOn(readFromText, { path: `${bucket.url}/*` }, server, t);
    const { signal } = new AbortController();
    assert.equal((await source.read(signal)) === 'end', false);
    await bucket.put('b', 'three\n'.repeat(1000));
    await assert.rejects(
      async () => {
        while ((await source.read(signal)) !== 'end');
      },
      { code: 'INPUT_UNREADABLE', message: /\/b has been replaced/ },
    );
    await source.close(false);
  });

  test(`${name}: new objects are read as they come, each once, also after a restart`, { skip }, async t => {
    const server = await servers[name]();
    const bucket = await server.bucket();
    const config = { path: `${bucket.url}/in/*`, watch_interval: '50ms' };
    await bucket.put('in/1', 'one\n');
    const first = await openOn(readFromText, config, server, t);
    assert.deepEqual(await nextTexts(first), ['one']);
    await bucket.put('in/2', 'two\n');
    assert.deepEqual(await nextTexts(first), ['two']);
    const restored = JSON.parse(JSON.stringify(first.snapshot()));
    await first.close(false);
    await bucket.put('in/3', 'three\n');
    const second = await openOn(readFromText, config, server, t, { restored });
    assert.deepEqual(await nextTexts(second), ['three']);
    await second.close(true);
  });

  test(`${name}: rows of CSV come out of a bucket and go into one`, { skip }, async t => {
    const server = await servers[name]();
    const bucket = await server.bucket();
    await bucket.put('in.csv', 'id,name\n1,"a, b"\n2,c\n');
    const rows = await readAll(readFromCsv, { path: `${bucket.url}/in.csv` }, server, t);
    assert.deepEqual(rows, ['{"id":1,"name":"a, b"}', '{"id":2,"name":"c"}']);
    const home = await temporaryFolder(t);
    const pipeline = join(home, 'pipeline.json');
    const transforms = [
      { type: 'ReadFromCsv', config: { path: `${bucket.url}/in.csv` } },
      { type: 'WriteToCsv', config: { path: `${bucket.url}/out.csv`, single_file: true } },
    ];
    await writeFile(pipeline, JSON.stringify({ pipeline: { type: 'chain', transforms } }));
    const job = await prepareIn(home, 'Yaml_Template', { yaml_pipeline_file: pipeline }, server.env());
    for (let run = 0; run < 2; run++) {
      const again =
        run === 0
          ? job
          : await prepareIn(home, 'Yaml_Template', { yaml_pipeline_file: pipeline }, server.env());
      assert.equal((await startJob(again).ended).state, 'DONE');
      assert.deepEqual(await bucket.names('out'), ['out.csv']);
      assert.equal((await bucket.get('out.csv')).toString(), 'id,name\n1,"a, b"\n2,c\n');
    }
  });
}

async function openOn(
  component: unknown,
  config: object,
  server: BucketServer,
  t: TestContext,
  more: Parameters<typeof contextOf>[1] = {},
) {
  const home = await temporaryFolder(t);
  const { open } = component as SourceComponent;
  return open(
    config,
    contextOf(home, { config: loadConfig({ SLUICE_HOME: home, ...server.env() }), ...more }),
  );
}

async function readAll(
  component: unknown,
  config: object,
  server: BucketServer,
  t: TestContext,
  worker = { index: 0, count: 1 },
): Promise<string[]> {
  const source = await openOn(component, config, server, t, { worker });
  const texts: string[] = [];
  const { signal } = new AbortController();
  for (;;) {
    const batch = await source.read(signal);
    if (batch === 'end') break;
    if (batch !== 'idle') texts.push(...textsOf(batch));
  }
  await source.close(true);
  return texts;
}

async function nextTexts(source: Awaited<ReturnType<typeof openOn>>): Promise<string[]> {
  for (;;) {
    const batch = await source.read(AbortSignal.timeout(1000));
    assert.notEqual(batch, 'end');
    if (batch !== 'idle' && batch !== 'end') return textsOf(batch);
  }
}
