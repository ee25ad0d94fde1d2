import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sluice } from '../helpers/cli.ts';
import { startServer } from '../helpers/server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const SHOUT = '// Shouts.\nfunction process(x) { return x.toUpperCase(); }';
const CASES = { cases: [{ name: 'it shouts', input: 'a', output: 'A' }] };

async function folderWith(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

test('an upload goes into the library of this machine, with its cases, and is listed with its version', async t => {
  const folder = await folderWith(t, { 'shout.js': SHOUT, 'cases.json': JSON.stringify(CASES) });
  const home = join(folder, 'home');
  const run = (...args: string[]) => sluice(['udf', ...args], { home, cwd: folder });
  const uploaded = await run('upload', 'shout.js', '--cases', 'cases.json', '--json');
  assert.equal(uploaded.status, 0, uploaded.stderr);
  const { version, ...rest } = JSON.parse(uploaded.stdout);
  assert.deepEqual(rest, { name: 'shout', changed: true });
  const again = await run('upload', 'shout.js');
  assert.equal(again.stdout, `udf://shout@${version}, which it was before\n`);
  const list = await run('list');
  assert.match(list.stdout, new RegExp(`^udf://shout +${version}  Shouts\\.$`, 'm'));
  assert.match((await run('test', 'udf://shout')).stdout, /ok it shouts/);

  await writeFile(join(folder, 'shout.js'), 'function process(x) { return x + "!"; }');
  await run('upload', 'shout.js');
  const old = await sluice(['udf', 'run', `udf://shout@${version}`], { home, input: 'a\n' });
  assert.equal(old.stdout, '{"index":0,"status":"output","payload":"A"}\n');
  assert.match((await run('test', `udf://shout@${version}`)).stdout, /^shout\n {2}ok it shouts/);
  assert.match((await run('test', 'udf://shout')).stdout, /not ok it shouts/);
  const latest = await sluice(['udf', 'run', 'udf://shout'], { home, input: 'a\n' });
  assert.equal(latest.stdout, '{"index":0,"status":"output","payload":"a!"}\n');
});

test('a script that does not load, or is none, is one clear line and goes nowhere', async t => {
  const folder = await folderWith(t, { 'broken.js': 'function (', 'a.txt': '', 'cases.json': '{}' });
  const home = join(folder, 'home');
  const run = (...args: string[]) => sluice(['udf', 'upload', ...args], { home, cwd: folder });
  const broken = await run('broken.js');
  assert.equal(broken.status, 2);
  assert.match(broken.stderr, /^sluice: broken\.js:1:1: .* \[UDF_SYNTAX\]$/m);
  assert.match((await run('a.txt')).stderr, /must end in \.js or \.mjs \[USAGE\]/);
  assert.match((await run('absent.js')).stderr, /absent\.js cannot be read/);
  assert.match((await run('broken.js', '--name', '../x')).stderr, /letters, digits, - and _/);
  assert.match(
    (await run('broken.js', '--cases', 'cases.json')).stderr,
    /cases\.json is not a file of cases/,
  );
  assert.equal((await readdir(folder)).includes('home'), false);
});

test('with a server the upload goes there, and nowhere else, and is tested there', async t => {
  const folder = await folderWith(t, {
    'shout.mjs': SHOUT.replace('function', 'export function'),
    'cases.json': JSON.stringify(CASES),
  });
  const server = await startServer(t);
  const home = join(folder, 'home');
  const args = ['udf', 'upload', 'shout.mjs', '--cases', 'cases.json', '--json'];
  const uploaded = await sluice([...args, '--server', server.url], { home, cwd: folder });
  assert.equal(uploaded.status, 0, uploaded.stderr);
  const { body } = await server.get('/api/udfs/shout');
  assert.partialDeepStrictEqual(body, {
    version: JSON.parse(uploaded.stdout).version,
    module: true,
    cases: CASES,
  });
  assert.equal((await readdir(folder)).includes('home'), false);
  const env = { SLUICE_SERVER: server.url };
  const listed = await sluice(['udf', 'list'], { home, env });
  assert.match(listed.stdout, new RegExp(`^udf://shout +${body.version}  Shouts\\.$`, 'm'));
  await writeFile(join(folder, 'shout.mjs'), 'export const two = ;');
  const broken = await sluice(args.slice(0, 3), { home, cwd: folder, env });
  assert.equal(broken.status, 2);
  assert.match(broken.stderr, /^sluice: shout\.mjs:1:20: Unexpected token ';' \[UDF_SYNTAX\]$/m);
  const there = ['--server', server.url];
  const tested = await sluice(['udf', 'test', 'udf://shout', ...there], { home, cwd: folder });
  assert.deepEqual([tested.status, tested.stdout], [0, 'shout\n  ok it shouts\n\n1 passed, 0 failed\n']);
  const refused = await sluice(['udf', 'test', 'shout.mjs', ...there], { home, cwd: folder });
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /shout\.mjs is no udf:\/\/name: a server tests what is in its library/);
});
