import assert from 'node:assert/strict';
import { mkdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { localPath, readTextFile } from '../../src/cloud/storage.ts';
import { type Config, limitsEnvironment, loadConfig } from '../../src/config.ts';
import { listFiles } from '../../src/connectors/files/list.ts';
import { readScripts } from '../../src/udf/scripts.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

interface Place {
  config: Config;
  root: string;
  /** Of another user, beside the root. */
  outside: string;
}

/** A server's folder with a file, a folder beside it that is none of its business, and its home. */
async function place(t: TestContext): Promise<Place> {
  const folder = await temporaryFolder(t);
  const [root, outside, home] = [join(folder, 'root'), join(folder, 'outside'), join(folder, 'home')];
  await mkdir(join(root, 'sub'), { recursive: true });
  await mkdir(outside);
  await mkdir(join(home, 'cloud/gs/bucket'), { recursive: true });
  for (const each of [root, join(root, 'sub'), outside, home, join(home, 'cloud/gs/bucket')]) {
    await writeFile(join(each, 'a.txt'), 'a\n');
    await writeFile(join(each, 'a.js'), 'function process(x) { return x; }');
  }
  return { config: { home, roots: [root] }, root, outside };
}

const forbidden = { code: 'PATH_FORBIDDEN', message: /--root/ };

test('without roots every path is allowed; with them only what lies below one', async t => {
  const { config, root, outside } = await place(t);
  const { roots: _, ...free } = config;
  assert.equal(localPath(join(outside, 'a.txt'), free), join(outside, 'a.txt'));
  assert.equal(localPath(join(root, 'a.txt'), config), join(root, 'a.txt'));
  assert.equal(localPath(join(root, 'not/yet/there/'), config), join(root, 'not/yet/there/'));
  assert.equal(localPath(`${root}/ü/日本/\u202e.txt`, config), `${root}/ü/日本/\u202e.txt`);
  for (const path of [
    join(outside, 'a.txt'),
    `${root}/../outside/a.txt`,
    `${root}/sub/../../outside/a.txt`,
    `${root}side/a.txt`,
    '/etc/passwd',
    '/',
    'a.txt',
    `${root}/{..,sub}/outside/a.txt`,
    `${root}/@(..|sub)/outside/a.txt`,
  ])
    assert.throws(() => localPath(path, config), forbidden, path);
  assert.throws(() => localPath(join(outside, 'a.txt'), config), {
    message: `${outside}/a.txt lies outside the folders that the server may use: start it with --root for its folder, or use another path`,
  });
});

test('where the whole machine is a root, the system’s own folders and Sluice’s are none', async t => {
  const { config, outside } = await place(t);
  const all = { ...config, roots: ['/'] };
  assert.equal(localPath(join(outside, 'a.txt'), all), join(outside, 'a.txt'));
  for (const path of [
    '/proc/self/environ',
    '/proc/self/root/proc/self/environ',
    '/proc/self/fd/0',
    '/dev/stdin',
    '/sys/kernel',
    join(config.home, 'sluice.db'),
    join(config.home, 'jobs/j/secrets.json'),
    join(config.home, 'cloud/gs/bucket/a.txt'),
    `/proc/self/root${config.home}/sluice.db`,
  ])
    assert.throws(() => localPath(path, all), forbidden, path);
  assert.equal(localPath('gs://bucket/a.txt', all), join(config.home, 'cloud/gs/bucket/a.txt'));
});

test('a link may not lead out of the roots: not to a file, not as a folder, not to what is not there yet', async t => {
  const { config, root, outside } = await place(t);
  await symlink(join(outside, 'a.txt'), join(root, 'file'));
  await symlink(outside, join(root, 'folder'));
  await symlink(join(outside, 'new'), join(root, 'dangling'));
  await symlink('loop', join(root, 'loop'));
  await symlink(join(root, 'sub'), join(root, 'within'));
  for (const name of ['file', 'folder/a.txt', 'folder/new/', 'folder/*', 'dangling', 'dangling/x', 'loop'])
    assert.throws(() => localPath(join(root, name), config), forbidden, name);
  assert.equal(localPath(join(root, 'within/a.txt'), config), join(root, 'within/a.txt'));
  assert.equal(
    localPath(join(root, 'a.txt'), { ...config, roots: [join(root, 'folder'), root] }).length,
    root.length + 6,
  );
  assert.equal(
    localPath(join(outside, 'a.txt'), { ...config, roots: [join(root, 'folder')] }),
    join(outside, 'a.txt'),
    'a root may be a link itself',
  );
});

test('each file that a pattern finds is judged as well', async t => {
  const { config, root, outside } = await place(t);
  const find = async (pattern: string) =>
    (await listFiles(pattern, 'auto', config)).map(({ path }) => path.slice(root.length));
  assert.deepEqual(await find(`${root}/**/*.txt`), ['/a.txt', '/sub/a.txt']);
  // A link that comes after the launch is found by the next look.
  await symlink(join(outside, 'a.txt'), join(root, 'sub/link.txt'));
  await assert.rejects(find(`${root}/**/*.txt`), { code: 'PATH_FORBIDDEN', message: /sub\/link\.txt/ });
  await unlink(join(root, 'sub/link.txt'));
  assert.deepEqual(await find(`${root}/*/a.txt`), ['/sub/a.txt']);
});

test('the scripts of a UDF lie below a root, in a bucket or in the library', async t => {
  const { config, root, outside } = await place(t);
  const read = (path: string) => readScripts(path, config).length;
  for (const path of [join(root, 'a.js'), `${root}/*.js`, 'gs://bucket/a.js', 'udf://filter'])
    assert.equal(read(path), 1, path);
  await symlink(join(outside, 'a.js'), join(root, 'link.js'));
  for (const path of [join(outside, 'a.js'), `${root}/link.js`, `${root}/l*.js`, join(config.home, 'a.js')])
    assert.throws(() => read(path), { code: 'PATH_FORBIDDEN' }, path);
});

test('a link may not lead out of its bucket; a bucket may lie elsewhere', async t => {
  const { config, outside } = await place(t);
  const buckets = join(config.home, 'cloud/gs');
  await symlink(outside, join(buckets, 'bucket/link'));
  await symlink('../other', join(buckets, 'bucket/neighbour'));
  await mkdir(join(buckets, 'other'));
  await symlink(join(outside, 'a.txt'), join(buckets, 'bucket/link.txt'));
  for (const path of ['gs://bucket/link/a.txt', 'gs://bucket/neighbour/a.txt', 'gs://bucket/*.txt'])
    await assert.rejects(listFiles(path, 'auto', config), { code: 'PATH_FORBIDDEN' }, path);
  await symlink(outside, join(buckets, 'elsewhere'));
  assert.equal((await listFiles('gs://elsewhere/*.txt', 'auto', config)).length, 1);
});

test('a path of absurd length, with a NUL byte or of a pipe is refused, not tried', async t => {
  const { config, root } = await place(t);
  const refused = { code: 'INPUT_NOT_FOUND' };
  assert.throws(() => localPath(`${root}/a\0b`, config), refused);
  assert.throws(() => localPath(`${root}/${'x/'.repeat(3000)}`, config), refused);
  assert.throws(() => localPath(`gs://bucket/${'ä'.repeat(3000)}`, config), refused);
  assert.equal(localPath(`${root}/${'x'.repeat(300)}`, config).length, root.length + 301);
  await assert.rejects(readTextFile(join(root, 'sub'), 'the schema', config), { code: 'INPUT_UNREADABLE' });
});

test('a pattern that unfolds into masses is refused before it is unfolded', async t => {
  const { config, root } = await place(t);
  for (const braces of [
    '{1..1000000000}',
    '{a,b}'.repeat(11),
    `{a{b,c}${',d'.repeat(1000)}}`,
    '{0..9}{0..9}{0..9}{0..9}',
  ]) {
    await assert.rejects(listFiles(`${root}/${braces}`, 'auto', config), {
      code: 'INPUT_NOT_FOUND',
      message: /alternatives/,
    });
    assert.throws(() => readScripts(`${root}/${braces}.js`, config), { message: /alternatives/ });
  }
  assert.equal((await listFiles(`${root}/{a,b,{c,d}}.{txt,csv}`, 'auto', config)).length, 1);
});

test('the limits travel in the environment; set and empty they allow nothing', () => {
  const limits = { roots: ['/data', '/more'], secretEnv: ['TOKEN', 'KEY'], secretRoot: '/run/secrets' };
  const env = limitsEnvironment({ home: '/h', ...limits });
  assert.deepEqual(loadConfig({ SLUICE_HOME: '/h', ...env }), { home: '/h', ...limits });
  assert.deepEqual(limitsEnvironment({ home: '/h' }), {});
  const none = loadConfig(limitsEnvironment({ home: '/h', roots: [] }));
  assert.throws(() => localPath('/data/a.txt', none), { code: 'PATH_FORBIDDEN' });
});
