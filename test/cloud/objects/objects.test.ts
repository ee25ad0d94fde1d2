import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findObjects } from '../../../src/cloud/objects/find.ts';
import {
  deleteObject,
  markOf,
  objectsBelow,
  putObject,
  statObject,
} from '../../../src/cloud/objects/objects.ts';
import { readObject, readText } from '../../../src/cloud/objects/read.ts';
import { type Config, loadConfig } from '../../../src/config.ts';
import { type BucketServer, startGcsBuckets, startS3Buckets } from '../../helpers/buckets.ts';
import { startProxy } from '../../helpers/proxy.ts';
import { missing } from '../../services/index.ts';
import { type Lifetime, shared } from '../../services/service.ts';

const gcs = shared((t: Lifetime) => startGcsBuckets(t));
const s3 = shared((t: Lifetime) => startS3Buckets(t));

const once = (bytes: string | Buffer) =>
  async function* () {
    yield Buffer.from(bytes);
  };

const configOf = (server: BucketServer, address?: string): Config =>
  loadConfig({ SLUICE_HOME: '/nowhere', ...server.env(address) });

for (const [name, started] of [
  ['gcs', gcs],
  ['s3', s3],
] as const) {
  const skip = missing(name);

  test(`${name}: an object is put once, and replaced only where it is the one that was meant`, {
    skip,
  }, async () => {
    const server = await started();
    const config = configOf(server);
    const bucket = await server.bucket();
    const path = `${bucket.url}/a b/ü%+&.txt`;
    assert.equal(await statObject(path, config), undefined);
    assert.equal(await putObject(path, once('one'), { mark: 'm1', over: null, size: 3 }, config), 'put');
    assert.equal(await putObject(path, once('two'), { mark: 'm2', over: null, size: 3 }, config), 'taken');
    const first = await statObject(path, config);
    assert.ok(first);
    assert.equal(first.size, 3);
    assert.equal(await markOf(path, config), 'm1');
    assert.equal(await putObject(path, once('three'), { over: first.version }, config), 'put');
    assert.equal(await putObject(path, once('four'), { over: first.version }, config), 'taken');
    assert.equal((await bucket.get('a b/ü%+&.txt')).toString(), 'three');
    await assert.rejects(readText(first, config), {
      code: 'INPUT_UNREADABLE',
      message: /has been replaced/,
    });
    await deleteObject(path, config);
    await deleteObject(path, config);
    assert.equal(await statObject(path, config), undefined);
  });

  test(`${name}: what the bytes fail with is told, and nothing of the object is seen`, { skip }, async () => {
    const server = await started();
    const config = configOf(server);
    const path = `${(await server.bucket()).url}/half`;
    const failing = async function* () {
      yield Buffer.alloc(20 << 20);
      throw new RangeError('of our own');
    };
    await assert.rejects(putObject(path, failing, {}, config), new RangeError('of our own'));
    assert.equal(await statObject(path, config), undefined);
  });

  test(`${name}: 100 MB go up in pieces, and come down across connections that break`, {
    skip,
  }, async t => {
    const server = await started();
    const bucket = await server.bucket();
    const path = `${bucket.url}/big`;
    const piece = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7919) >> 3));
    const pieces = 100;
    const body = async function* () {
      for (let i = 0; i < pieces; i++) yield piece;
    };
    assert.equal(await putObject(path, body, {}, configOf(server)), 'put');
    const proxy = await startProxy(t, server.service);
    const config = configOf(server, proxy.address);
    const object = await statObject(path, config);
    assert.equal(object?.size, pieces << 20);
    let at = 0;
    let cuts = 0;
    for await (const chunk of readObject(object, config)) {
      for (let read = 0; read < chunk.length; ) {
        const start = (at + read) % piece.length;
        const length = Math.min(chunk.length - read, piece.length - start);
        assert.ok(chunk.subarray(read, read + length).equals(piece.subarray(start, start + length)));
        read += length;
      }
      at += chunk.length;
      if (at > (cuts + 1) * (20 << 20)) {
        cuts++;
        proxy.cut();
      }
    }
    assert.equal(at, pieces << 20);
    assert.ok(cuts >= 3, `cut ${cuts} times`);
  });

  test(`${name}: names are found page by page, as patterns of files find them`, { skip }, async () => {
    const server = await started();
    const config = configOf(server);
    const bucket = await server.bucket();
    const many = Array.from({ length: 2100 }, (_, i) => `many/${String(i).padStart(5, '0')}.txt`);
    const odd = [
      'odd/a\tb.txt',
      'odd/[x].txt',
      'odd/<&">\'.txt',
      'odd/ü #?.txt',
      'odd/.hidden.txt',
      'odd/deep/c.txt',
    ];
    for (let i = 0; i < many.length; i += 50)
      await Promise.all(many.slice(i, i + 50).map(each => bucket.put(each, each)));
    for (const each of odd) await bucket.put(each, each);
    const found = async (pattern: string) =>
      (await findObjects(`${bucket.url}/${pattern}`, config)).map(({ path }) =>
        path.slice(bucket.url.length + 1),
      );
    assert.deepEqual(await found('many/*'), many);
    assert.deepEqual(await found('many/0000{1,2}.txt'), many.slice(1, 3));
    assert.deepEqual(await found('odd/*.txt'), odd.filter(each => !/deep|hidden/.test(each)).sort());
    assert.deepEqual(await found('odd/**/*.txt'), odd.filter(each => !/hidden/.test(each)).sort());
    // A name that is there is no pattern.
    assert.deepEqual(await found('odd/[x].txt'), ['odd/[x].txt']);
    assert.deepEqual(await found('none/*'), []);
    await assert.rejects(found('{a,b,c,d,e,f,g,h,i,j}{a,b,c,d,e,f,g,h,i,j}{a,b,c,d,e,f,g,h,i,j}{a,b}'), {
      code: 'INPUT_NOT_FOUND',
    });
    let pages = 0;
    for await (const page of objectsBelow(`${bucket.url}/many/`, config)) if (page.length > 0) pages++;
    assert.equal(pages, 3);
    for (const each of odd) {
      const object = await statObject(`${bucket.url}/${each}`, config);
      assert.equal(object && (await readText(object, config)), each);
    }
  });
}

test('a path without a bucket, or with too long a name, is refused before anybody is asked', async () => {
  const config = loadConfig({ SLUICE_HOME: '/nowhere', STORAGE_EMULATOR_HOST: '127.0.0.1:1' });
  for (const path of ['gs://', 's3://!/x', 'gs://../x', 'gs://a/x', `gs://bucket/${'x'.repeat(1025)}`])
    await assert.rejects(statObject(path, config), { code: 'INPUT_NOT_FOUND' }, path);
});
