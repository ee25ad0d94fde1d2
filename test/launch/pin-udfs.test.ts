import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pinUdfs } from '../../src/launch/pin-udfs.ts';
import { prepareJob, prepareReplay } from '../../src/launch/prepare.ts';
import { parseYaml } from '../../src/pipeline/yaml.ts';
import { saveUdf } from '../../src/udf/versions.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const parametersWith = (path: string, more: Record<string, unknown> = {}) => ({
  inputFilePattern: 'in.txt',
  outputDirectory: 'out',
  javascriptTextTransformGcsPath: path,
  javascriptTextTransformFunctionName: 'process',
  ...more,
});

const upload = (home: string, source: string) => saveUdf({ home }, { name: 'mine', source, module: false });
const prepare = (home: string, path: string, more?: Record<string, unknown>) =>
  prepareJob({ home }, { templateId: 'GCS_Text_to_GCS_Text', parameters: parametersWith(path, more) });
const pathsIn = (pipeline: unknown): string[] => JSON.stringify(pipeline).match(/udf:\/\/[^"]*/g) ?? [];

async function homeWith(t: TestContext, source: string) {
  const home = await temporaryFolder(t);
  return { home, version: (await upload(home, source)).version };
}

test('a job pins the version of its function in the pipeline and in the parameters it came from', async t => {
  const { home, version } = await homeWith(t, 'function process(x) { return x; }');
  const { job } = await prepare(home, 'udf://mine');
  assert.deepEqual(pathsIn(job.pipeline), [`udf://mine@${version}`]);
  assert.equal(job.parameters?.javascriptTextTransformGcsPath, `udf://mine@${version}`);
});

test('a replay goes on with the version of its job, changed parameters or not, and pins another one', async t => {
  const { home, version } = await homeWith(t, 'function process(x) { return x; }');
  const { job } = await prepare(home, 'udf://mine');
  const later = (await upload(home, 'function process(x) { return x + 1; }')).version;
  const same = await prepareReplay({ home }, job, {});
  const changed = await prepareReplay({ home }, job, { parameters: { outputDirectory: 'elsewhere' } });
  for (const replay of [same, changed])
    assert.deepEqual(pathsIn(replay.job.pipeline), [`udf://mine@${version}`]);
  const other = await prepareReplay({ home }, job, { udf: { path: 'udf://mine' } });
  assert.equal(other.job.replay?.udf?.path, `udf://mine@${later}`);
});

test('a stage that looks for newer versions, a version that was given and a path of a file stay', async t => {
  const { home, version } = await homeWith(t, 'function process(x) { return x; }');
  const file = join(home, 'f.js');
  await writeFile(file, 'function process(x) { return x; }');
  const reloading = await prepare(home, 'udf://mine', { javascriptTextTransformReloadIntervalMinutes: 1 });
  assert.deepEqual(pathsIn(reloading.job.pipeline), ['udf://mine']);
  assert.equal(reloading.job.parameters?.javascriptTextTransformGcsPath, 'udf://mine');
  const given = await prepare(home, `udf://mine@${version}`);
  assert.deepEqual(pathsIn(given.job.pipeline), [`udf://mine@${version}`]);
  const bare = await prepare(home, file);
  assert.equal(bare.job.parameters?.javascriptTextTransformGcsPath, file);
});

test('functions of expressions are pinned too, and what Create gives is left as it is', async t => {
  const { home, version } = await homeWith(t, 'function process(x) { return x; }');
  const pipeline = parseYaml(
    `pipeline:
       type: chain
       transforms:
         - type: Create
           config: {elements: [{path: udf://mine}]}
         - type: MapToFields
           config: {language: javascript, fields: {a: {path: udf://mine, name: process}}}`,
    'p.yaml',
  );
  const { job } = pinUdfs({ id: 'job', createTime: '', streaming: false, workers: 1, pipeline }, { home });
  assert.deepEqual(pathsIn(job.pipeline), ['udf://mine', `udf://mine@${version}`]);
});

test('a function that is not there is refused before anything runs', async t => {
  const home = await temporaryFolder(t);
  await assert.rejects(prepare(home, 'udf://absent'), { code: 'UDF_NOT_FOUND' });
  await assert.rejects(prepare(home, 'udf://filter@000000000000'), { code: 'UDF_NOT_FOUND' });
});
