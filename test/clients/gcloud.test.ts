/** The real `gcloud` drives the server. Each of its calls takes a second or more: independent ones run at once. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gcloudFor, missing } from './gcloud.ts';
import { makeFiles, servedHere } from './server.ts';

const REGION = '--region=us-central1';

test('gcloud launches, looks, drains and cancels', { skip: missing }, async t => {
  const server = await servedHere(t);
  const gcloud = await gcloudFor(t, server);
  await makeFiles(server.buckets, { 'in/a.txt': 'one\ntwo\n' });
  const pipeline = [
    'pipeline:',
    '  type: chain',
    '  transforms:',
    '    - type: Create',
    '      config: {elements: [{id: 1}, {id: 2}]}',
    '    - type: WriteToJson',
    '      config: {path: gs://bucket/yaml/out}',
  ].join('\n');
  const copying = '--parameters=inputFilePattern=gs://bucket/in/*.txt,outputDirectory=gs://bucket';
  const streaming = `qps=20,schemaTemplate=GAME_EVENT,sinkType=GCS,windowDuration=1s,outputDirectory=gs://bucket`;
  const [flex, classic, yaml, drained, cancelled, wrong] = await Promise.all([
    gcloud(
      'dataflow',
      'flex-template',
      'run',
      'flex',
      REGION,
      `${copying}/flex`,
      '--max-workers=2',
      '--template-file-gcs-location=gs://dataflow-templates-us-central1/latest/flex/GCS_Text_to_GCS_Text',
    ),
    gcloud(
      'dataflow',
      'jobs',
      'run',
      'classic',
      REGION,
      `${copying}/classic`,
      '--gcs-location=gs://dataflow-templates/latest/GCS_Text_to_GCS_Text',
    ),
    gcloud('dataflow', 'yaml', 'run', 'yaml', REGION, `--yaml-pipeline=${pipeline}`),
    gcloud(
      'dataflow',
      'flex-template',
      'run',
      'drained',
      REGION,
      `--parameters=${streaming}/drained`,
      '--template-file-gcs-location=gs://dataflow-templates/latest/flex/Streaming_Data_Generator',
    ),
    gcloud(
      'dataflow',
      'flex-template',
      'run',
      'cancelled',
      REGION,
      `--parameters=${streaming}/cancelled`,
      '--template-file-gcs-location=gs://dataflow-templates/latest/flex/Streaming_Data_Generator',
    ),
    gcloud(
      'dataflow',
      'flex-template',
      'run',
      'wrong',
      REGION,
      '--parameters=nonsense=1',
      '--template-file-gcs-location=gs://dataflow-templates/latest/flex/GCS_Text_to_GCS_Text',
    ).catch(error => error),
  ]);
  assert.match(wrong.stderr, /INVALID_ARGUMENT: The template parameters are invalid/);
  assert.match(wrong.stderr, /inputFilePattern: must be given/);
  const reaches = (jobId: string, state: string) => server.reaches('my-proj', jobId, `JOB_STATE_${state}`);
  await Promise.all([
    ...[flex.job.id, classic.id, yaml.job.id].map(id => reaches(id, 'DONE')),
    ...[drained.job.id, cancelled.job.id].map(id => reaches(id, 'RUNNING')),
  ]);
  for (const folder of ['flex', 'classic'])
    assert.match(
      await readFile(join(server.buckets, `bucket/${folder}/output-00000-of-00001.txt`), 'utf8'),
      /two/,
    );
  const [listed, described, shown, metrics, logs] = await Promise.all([
    gcloud('dataflow', 'jobs', 'list'),
    gcloud('dataflow', 'jobs', 'describe', flex.job.id, REGION, '--full'),
    gcloud('dataflow', 'jobs', 'show', flex.job.id, REGION, '--steps'),
    gcloud('beta', 'dataflow', 'metrics', 'list', flex.job.id, REGION, '--source=user'),
    gcloud('beta', 'dataflow', 'logs', 'list', flex.job.id, REGION, '--importance=detailed'),
    gcloud('dataflow', 'jobs', 'drain', drained.job.id, REGION),
    gcloud('dataflow', 'jobs', 'cancel', cancelled.job.id, REGION, '--force'),
  ]);
  assert.deepEqual(listed.map((job: { name: string }) => job.name).toSorted(), [
    'cancelled',
    'classic',
    'drained',
    'flex',
    'yaml',
  ]);
  assert.equal(described.steps[0].kind, 'ParallelRead');
  assert.equal(shown.state, 'Done');
  const read = metrics.find((each: { name: { name: string } }) => each.name.name === 'elements_read');
  assert.equal(read.scalar, 2);
  assert.match(JSON.stringify(logs), /read 2, written 2/);
  await Promise.all([reaches(drained.job.id, 'DRAINED'), reaches(cancelled.job.id, 'CANCELLED')]);
});
