import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { statObject } from '../../src/cloud/objects/objects.ts';
import { loadConfig } from '../../src/config.ts';
import { decompressFiles } from '../../src/connectors/files/index.ts';
import { batchOf } from '../../src/engine/batch.ts';
import type { SinkComponent } from '../../src/engine/component.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { type Bucket, type BucketServer, startGcsBuckets, startS3Buckets } from '../helpers/buckets.ts';
import { contextOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { type Lifetime, shared } from '../services/service.ts';

const gcs = shared((t: Lifetime) => startGcsBuckets(t));
const s3 = shared((t: Lifetime) => startS3Buckets(t));

/** Of each hundred files one says it is gzip and is not. */
const FILES = 500;
const isBad = (i: number): boolean => i % 100 === 42;
const textOf = (i: number): string => `record ${i}\n`.repeat(1 + (i % 50));
const nameOf = (i: number): string => `${i % 7}/file-${i}.txt`;

async function fillPacked(bucket: Bucket): Promise<void> {
  for (let i = 0; i < FILES; i += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, j) => i + j).map(id =>
        bucket.put(`in/${nameOf(id)}.gz`, isBad(id) ? 'this is no gzip' : gzipSync(textOf(id))),
      ),
    );
}

async function prepareUnpacking(t: TestContext, server: BucketServer, more: NodeJS.ProcessEnv = {}) {
  const bucket = await server.bucket();
  await fillPacked(bucket);
  const home = await temporaryFolder(t);
  const parameters = {
    inputFilePattern: `${bucket.url}/in/**/*.gz`,
    outputDirectory: `${bucket.url}/out/`,
    outputFailureFile: `${bucket.url}/failed.csv`,
  };
  const job = await prepareIn(home, 'Bulk_Decompress_GCS_Files', parameters, { ...server.env(), ...more });
  return { bucket, job };
}

async function assertUnpacked(bucket: Bucket): Promise<void> {
  const ids = Array.from({ length: FILES }, (_, i) => i);
  const good = ids.filter(id => !isBad(id));
  const names = (await bucket.names('out/')).filter(name => !name.startsWith('out/errors/'));
  assert.deepEqual(names, good.map(id => `out/${nameOf(id)}`).sort());
  for (const id of good.filter(each => each % 13 === 0))
    assert.equal((await bucket.get(`out/${nameOf(id)}`)).toString(), textOf(id));
  const [header, ...rows] = (await bucket.get('failed.csv')).toString().trimEnd().split('\n');
  assert.equal(header, 'Filename,Error');
  const expected = ids
    .filter(isBad)
    .map(id => `${bucket.url}/in/${nameOf(id)}.gz`)
    .map(path => `${path},The file resource ${path} is malformed or not in GZIP compressed format.`);
  assert.deepEqual(rows.sort(), expected.sort());
  const letters: string[] = [];
  for (const name of await bucket.names('out/errors/'))
    letters.push(...(await bucket.get(name)).toString().trimEnd().split('\n'));
  assert.deepEqual(
    letters.map(line => JSON.parse(JSON.parse(line).payload).path).sort(),
    ids
      .filter(isBad)
      .map(id => `${bucket.url}/in/${nameOf(id)}.gz`)
      .sort(),
  );
}

const UNPACKED = { read: FILES, written: FILES - FILES / 100, filtered: 0, deadLettered: FILES / 100 };

for (const [name, started] of [
  ['gcs', gcs],
  ['s3', s3],
] as const)
  test(`${name}: objects are unpacked byte for byte, and those that are broken are listed`, {
    skip: missing(name),
  }, async t => {
    const { bucket, job } = await prepareUnpacking(t, await started());
    const summary = await startJob(job).ended;
    assert.equal(summary.state, 'DONE', summary.error?.message ?? '');
    assert.deepEqual(summary.elements, UNPACKED);
    await assertUnpacked(bucket);
  });

test('a worker killed anywhere, and a store killed and back, lose and spoil nothing that is unpacked', {
  skip: missing('gcs'),
}, async t => {
  const server = await gcs();
  const { bucket, job } = await prepareUnpacking(t, server, { SLUICE_CHECKPOINT_MS: '50' });
  assert.deepEqual((await throughFaults(job, bucket, server)).elements, UNPACKED);
  await assertUnpacked(bucket);
});

test('a worker killed anywhere, and a store killed and back, lose and spoil nothing that is packed', {
  skip: missing('gcs'),
}, async t => {
  const server = await gcs();
  const bucket = await server.bucket();
  const ids = Array.from({ length: FILES }, (_, i) => i);
  for (let i = 0; i < FILES; i += 50)
    await Promise.all(ids.slice(i, i + 50).map(id => bucket.put(`in/${nameOf(id)}`, textOf(id))));
  const parameters = {
    inputFilePattern: `${bucket.url}/in/**/*.txt`,
    outputDirectory: `${bucket.url}/out/`,
    outputFailureFile: `${bucket.url}/failed.csv`,
    compression: 'GZIP',
  };
  const job = await prepareIn(await temporaryFolder(t), 'Bulk_Compress_GCS_Files', parameters, {
    ...server.env(),
    SLUICE_CHECKPOINT_MS: '50',
  });
  const { elements } = await throughFaults(job, bucket, server);
  assert.deepEqual(elements, { read: FILES, written: FILES, filtered: 0, deadLettered: 0 });
  assert.deepEqual(await bucket.names('out/'), ids.map(id => `out/${nameOf(id)}.gz`).sort());
  for (const id of ids.filter(each => each % 13 === 0))
    assert.equal(gunzipSync(await bucket.get(`out/${nameOf(id)}.gz`)).toString(), textOf(id));
  assert.equal((await bucket.get('failed.csv')).toString(), 'Filename,Error\n');
});

async function throughFaults(job: Prepared, bucket: Bucket, { service }: BucketServer): Promise<JobSummary> {
  for (const point of ['file.rename:40', 'checkpoint.written:2', 'file.renamed:60'] as const)
    assert.ok(wasKilled(await startJob(job, point).ended), point);
  const before = (await bucket.names('out/')).length;
  const running = startJob(job).ended;
  while ((await bucket.names('out/')).length === before) await sleep(20);
  await service.kill();
  await service.restart();
  const summary = await running;
  assert.equal(summary.state, 'DONE', summary.error?.message ?? '');
  return summary;
}

test('each compression is undone by the other template, byte for byte, also of 8 MB and of nothing', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'in'));
  const big = Buffer.concat(Array.from({ length: 8 }, (_, i) => Buffer.alloc(1 << 20, `${i} `)));
  const files: Record<string, Buffer> = { big, empty: Buffer.alloc(0), noise: randomBytes(1 << 20) };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(home, 'in', name), bytes);
  const compressions = ['GZIP', 'BZIP2', 'DEFLATE', 'ZSTD'];
  const outputFailureFile = join(home, 'failed.csv');
  const run = async (template: string, parameters: Record<string, string>): Promise<void> => {
    const job = await prepareIn(home, template, { ...parameters, outputFailureFile });
    const summary = await startJob(job).ended;
    assert.equal(summary.state, 'DONE', summary.error?.message ?? '');
    assert.equal(await readFile(outputFailureFile, 'utf8'), 'Filename,Error\n');
  };
  for (const compression of compressions) {
    const outputDirectory = join(home, 'packed', compression);
    await run('Bulk_Compress_GCS_Files', {
      inputFilePattern: join(home, 'in/*'),
      outputDirectory,
      compression,
    });
  }
  assert.ok(gunzipSync(await readFile(join(home, 'packed/GZIP/big.gz'))).equals(big));
  const outputDirectory = join(home, 'back');
  await run('Bulk_Decompress_GCS_Files', { inputFilePattern: join(home, 'packed/**/*.*'), outputDirectory });
  for (const compression of compressions)
    for (const [name, bytes] of Object.entries(files)) {
      const back = await readFile(join(outputDirectory, compression, name));
      assert.equal(hashOf(back), hashOf(bytes), `${name} by ${compression}`);
    }
});

test('two files that would become the same are not both written, and none is replaced by itself', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'in'));
  await writeFile(join(home, 'in/a.gz'), gzipSync('first'));
  await writeFile(join(home, 'in/a.gzip'), gzipSync('second'));
  const parameters = {
    inputFilePattern: join(home, 'in/*'),
    outputDirectory: join(home, 'out'),
    outputFailureFile: join(home, 'failed.csv'),
  };
  const summary = await startJob(await prepareIn(home, 'Bulk_Decompress_GCS_Files', parameters)).ended;
  assert.deepEqual(summary.elements, { read: 2, written: 1, filtered: 0, deadLettered: 1 });
  assert.match(await readFile(join(home, 'failed.csv'), 'utf8'), /another file of the job has become a$/m);
  assert.match(await readFile(join(home, 'out/a'), 'utf8'), /^(?:first|second)$/);
});

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('an object that was replaced since it was found is converted as it is now', {
  skip: missing('gcs'),
}, async t => {
  const server = await gcs();
  const bucket = await server.bucket();
  await bucket.put('a.gz', 'this is no gzip');
  const context = contextOf(await temporaryFolder(t), {
    config: loadConfig({ SLUICE_HOME: '/nowhere', ...server.env() }),
    input: { form: 'row' },
  });
  const path = `${bucket.url}/a.gz`;
  const before = await statObject(path, context.config);
  await bucket.put('a.gz', gzipSync('mended'));
  const { open } = decompressFiles as SinkComponent;
  const sink = await open({ directory: `${bucket.url}/out` }, context);
  const row = { path, name: 'a.gz', size: before?.size, version: before?.version };
  assert.equal(await sink.write(batchOf([JSON.stringify(row)])), undefined);
  await sink.prepare();
  await sink.close(true);
  assert.equal((await bucket.get('out/a')).toString(), 'mended');
});
