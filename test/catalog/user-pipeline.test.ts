import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readUserPipeline } from '../../src/catalog/user-pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('a pipeline is read from a file, also of a bucket of this machine', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'cloud/gs/bucket'), { recursive: true });
  await writeFile(join(home, 'cloud/gs/bucket/p.yaml'), 'pipeline: {type: {{ t }}}');
  const from = { text: 'text', file: 'file', variables: 'variables' };
  const given = { file: 'gs://bucket/p.yaml', variables: { t: 'A' } };
  assert.deepEqual(plain(await readUserPipeline(from, given, { home })), { pipeline: { type: 'A' } });
  assert.deepEqual(plain(await readUserPipeline(from, { text: 'a: 1' }, { home })), { a: 1 });
  await assert.rejects(readUserPipeline(from, { file: join(home, 'none.yaml') }, { home }), {
    code: 'INPUT_NOT_FOUND',
    message: `the pipeline ${join(home, 'none.yaml')}: there is no such file`,
  });
});
