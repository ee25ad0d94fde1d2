import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { startServer } from '../../helpers/server.ts';

const shipped = join(import.meta.dirname, '../../../templates');

test('templates are listed and found by words of id, title, description and aliases', async t => {
  const { get } = await startServer(t);
  const idsOf = async (query: string): Promise<string[]> => {
    const { status, body } = await get(`/api/templates${query}`);
    assert.equal(status, 200);
    return body.templates.map(({ id }: { id: string }) => id);
  };
  const all = await idsOf('');
  assert.ok(all.includes('GCS_Text_to_GCS_Text') && all.includes('Yaml_Template'));
  assert.deepEqual(await idsOf('?query=gcs_text_to_gcs'), ['GCS_Text_to_GCS_Text']);
  assert.ok((await idsOf('?query=PUB/SUB%20text')).includes('Cloud_PubSub_to_GCS_Text'));
  assert.deepEqual(await idsOf('?query=Cloud_PubSub_to_GCS_Text_Flex'), ['Cloud_PubSub_to_GCS_Text']);
  assert.deepEqual(await idsOf('?query=no+such+thing+here'), []);
  const streaming = await idsOf('?streaming=true');
  const batch = await idsOf('?streaming=false');
  assert.deepEqual([...streaming, ...batch].sort(), all.sort());
  assert.ok(streaming.includes('Cloud_PubSub_to_GCS_Text') && batch.includes('GCS_Text_to_GCS_Text'));
  assert.deepEqual(await idsOf('?category=GET_STARTED&query=yaml'), ['Yaml_Template']);
  const wrong = await get('/api/templates?category=NONE');
  assert.deepEqual([wrong.status, wrong.body.error.status], [400, 'INVALID_ARGUMENT']);
  const { body } = await get('/api/templates?query=Yaml_Template');
  assert.equal(JSON.stringify(body).includes(shipped), false);
});

test('a template is told with its parameters, their schema, and a launch for each client', async t => {
  const { get } = await startServer(t);
  const { body } = await get('/api/templates/Cloud_PubSub_to_GCS_Text_Flex');
  assert.equal(body.id, 'Cloud_PubSub_to_GCS_Text');
  const required = body.parameters.filter((each: { required: boolean }) => each.required);
  assert.ok(required.some(({ name }: { name: string }) => name === 'outputDirectory'));
  const { body: launch, gcloud, curl, sluice } = body.examples;
  assert.match(launch.launchParameter.containerSpecGcsPath, /\/flex\/Cloud_PubSub_to_GCS_Text$/);
  // Every format is known to the catalog alone.
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(body.schema);
  assert.ok(validate(launch.launchParameter.parameters), JSON.stringify(validate.errors));
  assert.match(sluice, /^sluice launch Cloud_PubSub_to_GCS_Text \\\n {2}--job-name cloud-pubsub-to-gcs-text/);
  assert.match(gcloud, /^gcloud dataflow flex-template run cloud-pubsub-to-gcs-text \\\n/);
  const sent = /-d '(.*)'$/s.exec(curl)?.[1]?.replaceAll(String.raw`'\''`, "'");
  assert.deepEqual(JSON.parse(sent ?? ''), launch);
});

test('the README of a template is Markdown', async t => {
  const { get } = await startServer(t);
  const { status, headers, text } = await get('/api/templates/GCS_Text_to_GCS_Text/readme');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/markdown; charset=utf-8');
  assert.equal(text, await readFile(join(shipped, 'GCS_Text_to_GCS_Text/README.md'), 'utf8'));
});

test('a template that is not there is 404, whatever it is called', async t => {
  const { get } = await startServer(t);
  const near = await get('/api/templates/GCS_Text_to_GCS_Tex');
  assert.equal(near.status, 404);
  assert.match(
    near.body.error.message,
    /there is no template GCS_Text_to_GCS_Tex; did you mean GCS_Text_to_GCS_Text\?/,
  );
  for (const name of [
    '..%2f..%2fpackage.json',
    '%2e%2e',
    '__proto__',
    'constructor',
    'x'.repeat(5000),
    '%00',
  ]) {
    const answer = await get(`/api/templates/${name}`);
    assert.equal(answer.status, 404, name);
    assert.equal((await get(`/api/templates/${name}/readme`)).status, 404, name);
  }
});
