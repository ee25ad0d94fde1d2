import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../src/config.ts';
import { openSpecFile } from '../../../src/flex/build/spec-file.ts';
import { specText } from '../../../src/flex/spec.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { gcs, startGcs } from '../../services/gcs.ts';
import { missing } from '../../services/index.ts';

const TEXT = specText({ image: 'places:1', metadata: { name: 'Places' } });

async function prepared(t: TestContext, env: NodeJS.ProcessEnv = {}) {
  const folder = await temporaryFolder(t);
  return { folder, config: loadConfig({ SLUICE_HOME: join(folder, 'home'), ...env }) };
}

test('a local spec is there once it is whole, and takes the place of the one before', async t => {
  const { folder, config } = await prepared(t);
  const path = join(folder, 'spec.json');
  await writeFile(path, 'the one before');
  const spec = await openSpecFile(path, config);
  assert.equal(await readFile(path, 'utf8'), 'the one before');
  await spec.write(TEXT);
  assert.equal(await readFile(path, 'utf8'), TEXT);
  assert.deepEqual(await readdir(folder), ['spec.json']);
});

test('of one that is given up nothing is left', async t => {
  const { folder, config } = await prepared(t);
  const spec = await openSpecFile(join(folder, 'spec.json'), config);
  await spec.abandon();
  assert.deepEqual(await readdir(folder), []);
});

test('a bucket of the local cloud is there by its name alone', async t => {
  const { folder, config } = await prepared(t);
  await (await openSpecFile('gs://specs/team/places.json', config)).write(TEXT);
  assert.equal(await readFile(join(folder, 'home/cloud/gs/specs/team/places.json'), 'utf8'), TEXT);
});

const UNWRITABLE: Record<string, [path: string, message: RegExp]> = {
  'a folder that is not there': ['nowhere/spec.json', /spec\.json: there is no such folder$/],
  'a folder': ['folder', /folder: it is a folder$/],
  'a file in a file': ['file/spec.json', /file\/spec\.json: ENOTDIR$/],
};

for (const [what, [path, message]] of Object.entries(UNWRITABLE))
  test(`refused before anything is built: ${what}`, async t => {
    const { folder, config } = await prepared(t);
    await mkdir(join(folder, 'folder'));
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(openSpecFile(join(folder, path), config), { code: 'OUTPUT_UNWRITABLE', message });
    assert.deepEqual(await readdir(folder), ['file', 'folder']);
  });

test('a spec goes into Cloud Storage; a bucket that is not there is refused', {
  skip: missing(gcs.name),
}, async t => {
  const { url } = await startGcs(t);
  const { config } = await prepared(t, { STORAGE_EMULATOR_HOST: url });
  await fetch(`${url}/storage/v1/b?project=test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name": "specs"}',
  });
  await (await openSpecFile('gs://specs/places.json', config)).write(TEXT);
  const stored = await fetch(`${url}/storage/v1/b/specs/o/places.json?alt=media`);
  assert.equal(await stored.text(), TEXT);
  await assert.rejects(openSpecFile('gs://nowhere/places.json', config), { code: 'INPUT_NOT_FOUND' });
});
