/** The spec of an image is launched as Google's clients launch it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { specText } from '../../src/flex/spec.ts';
import { atEnd } from '../helpers/at-end.ts';
import { startPrograms, wordsFolder, wordsSpec } from '../launchers/docker/programs/programs.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';
import { gapicClient, grpcRefusals, overGrpc, overRest, restRefusals } from './gapic.ts';
import { gcloudFor, missing as noGcloud } from './gcloud.ts';
import { googleapisClient, missing as noGoogleapis } from './googleapis.ts';
import type { Client } from './scenario.ts';
import { type Bucketed, makeFiles, servedHere } from './server.ts';

const skip = missing('docker');
const programs = shared(startPrograms);

async function serving(t: TestContext): Promise<Bucketed> {
  const { host } = await programs();
  const server = await servedHere(t, { DOCKER_HOST: host });
  await makeFiles(server.buckets, {
    'in/a.txt': 'one two\ntwo\n',
    'words.json': specText(await wordsSpec()),
  });
  return server;
}

const parametersTo = (folder: string) => ({ input: 'gs://bucket/in', output: `gs://bucket/${folder}` });

const written = ({ buckets }: Bucketed, folder: string): Promise<string> =>
  readFile(join(buckets, 'bucket', folder, 'words.txt'), 'utf8');

/** By a path, and as the spec itself. */
async function launchBoth(server: Bucketed, client: Client): Promise<void> {
  const { metadata, templateType } = await client.getTemplate('gs://bucket/words.json');
  assert.deepEqual([metadata.name, metadata.parameters[0].name, templateType], ['Words', 'input', 'FLEX']);
  const named: [name: string, spec: object][] = [
    ['by-path', { containerSpecGcsPath: 'gs://bucket/words.json' }],
    ['inline', { containerSpec: await wordsSpec() }],
  ];
  for (const [jobName, spec] of named) {
    const { job } = await client.launchFlex({ jobName, ...spec, parameters: parametersTo(jobName) });
    await server.reaches('my-proj', job.id, 'JOB_STATE_DONE');
    assert.equal(await written(server, jobName), 'one 1\ntwo 2\n');
    const { metrics } = await client.metrics(job.id);
    const words = metrics.find(({ name }: { name: { name: string } }) => name.name === 'words');
    assert.equal(Number(words.scalar.numberValue ?? words.scalar), 3);
  }
  const refused = await client
    .launchFlex({
      jobName: 'wrong',
      containerSpecGcsPath: 'gs://bucket/words.json',
      parameters: { input: 'gs://b' },
    })
    .catch(client.refusal);
  assert.equal(refused.code, client.codes.invalid);
  assert.match(refused.message, /output: must be given \(Output folder\)/);
}

test('Google’s Node client launches the program of an image, over REST', { skip }, async t => {
  const server = await serving(t);
  const client = gapicClient(overRest(server.url), restRefusals);
  atEnd(t, client.close);
  await launchBoth(server, client);
});

test('Google’s Node client launches the program of an image, over gRPC', { skip }, async t => {
  const server = await serving(t);
  const client = gapicClient(overGrpc(server.grpcPort), grpcRefusals);
  atEnd(t, client.close);
  await launchBoth(server, client);
});

test('googleapis launches the program of an image', { skip: skip || (noGoogleapis ?? false) }, async t => {
  const server = await serving(t);
  await launchBoth(server, await googleapisClient(server.url));
});

test('gcloud builds a spec and launches it', { skip: skip || (noGcloud ?? false) }, async t => {
  const server = await serving(t);
  const gcloud = await gcloudFor(t, server);
  const metadata = join(wordsFolder, 'metadata.json');
  const built = await gcloud(
    ...['dataflow', 'flex-template', 'build', 'gs://bucket/built.json', '--image=words:1'],
    ...['--sdk-language=PYTHON', `--metadata-file=${metadata}`, '--print-only'],
  );
  await makeFiles(server.buckets, {
    'built.json': typeof built === 'string' ? built : JSON.stringify(built),
  });
  const { input, output } = parametersTo('gcloud');
  const { job } = await gcloud(
    ...['dataflow', 'flex-template', 'run', 'counting', '--region=us-central1'],
    ...[
      '--template-file-gcs-location=gs://bucket/built.json',
      `--parameters=input=${input},output=${output}`,
    ],
    '--additional-pipeline-options=memory=128MiB,cpus=1',
  );
  await server.reaches('my-proj', job.id, 'JOB_STATE_DONE');
  assert.equal(await written(server, 'gcloud'), 'one 1\ntwo 2\n');
});
