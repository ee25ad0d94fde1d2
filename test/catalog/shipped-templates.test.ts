import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCatalog } from '../../src/catalog/catalog.ts';
import { describe } from '../../src/catalog/describe.ts';
import { generateTemplateReadmes } from '../../src/catalog/readme.ts';
import { renderTemplate } from '../../src/catalog/render.ts';
import type { Template } from '../../src/catalog/template.ts';
import { validateParameters } from '../../src/catalog/validate.ts';
import { context } from './template-of.ts';

const catalog = await loadCatalog({ home: '/nonexistent' });
const templates = await Promise.all((await catalog.list()).map(({ id }) => catalog.find(id)));

test('the templates are there', () => {
  assert.deepEqual(
    templates.map(({ id }) => id),
    [
      'BigQuery_to_Elasticsearch',
      'BigQuery_to_GCS_Text',
      'BigQuery_to_Parquet',
      'Bulk_Compress_GCS_Files',
      'Bulk_Decompress_GCS_Files',
      'Clickstream_Sessions',
      'Cloud_PubSub_to_Avro',
      'Cloud_PubSub_to_Cloud_PubSub',
      'Cloud_PubSub_to_GCS_Text',
      'Cloud_PubSub_to_Splunk',
      'File_Format_Conversion',
      'GCS_CSV_to_BigQuery',
      'GCS_Text_to_BigQuery',
      'GCS_Text_to_Cloud_PubSub',
      'GCS_Text_to_GCS_Text',
      'GCS_to_Elasticsearch',
      'Game_Leaderboard',
      'Jdbc_to_BigQuery',
      'Jdbc_to_PubSub',
      'Kafka_to_BigQuery',
      'Kafka_to_Elasticsearch',
      'Kafka_to_GCS',
      'Kafka_to_Kafka',
      'Kafka_to_Postgres',
      'Logs_at_Scale',
      'PostgreSQL_to_BigQuery',
      'PubSub_to_BigQuery',
      'PubSub_to_Elasticsearch',
      'PubSub_to_Kafka',
      'Pubsub_to_Jdbc',
      'Stream_GCS_Text_to_BigQuery',
      'Stream_GCS_Text_to_Cloud_PubSub',
      'Stream_to_Warehouse',
      'Streaming_Data_Generator',
      'Word_Count',
      'Yaml_Template',
    ],
  );
});

test('no id or alias is there twice', () => {
  const names = templates.flatMap(({ id, aliases }) => [id, ...aliases]);
  assert.equal(new Set(names).size, names.length);
});

test('the READMEs are up to date', async () => {
  assert.deepEqual(await generateTemplateReadmes(true), [], 'run `npm run docs`');
});

for (const template of templates) {
  test(`${template.id} has tests, and says of each parameter what it is, with an example`, () => {
    // What needs a server of its own is tested where that is started.
    const tested = existsSync(join(import.meta.dirname, `../templates/${template.id}.test.ts`));
    assert.ok(template.tests.length > 0 || tested);
    const { parameters } = describe(template);
    for (const { name, title, description, examples, enum: values } of parameters) {
      assert.match(title, /^[A-Z]/, name);
      assert.match(description, /\.$/, name);
      assert.ok(examples.length > 0 || values, name);
    }
  });
}

/** Parameters of which each, also those that are never required, is its first example. */
function exampleParameters({ id, parameters }: Template): Record<string, unknown> {
  const examples = Object.entries(parameters.properties).map(([name, { examples, enum: values }]) => [
    name,
    examples?.[0] ?? values?.[0],
  ]);
  const given = Object.fromEntries(examples);
  if (id === 'Streaming_Data_Generator') delete given.schemaLocation;
  if (given.inputSubscription) {
    delete given.inputTopic;
    delete given.inputFilePattern;
  }
  if (given.query) delete given.query;
  if (given.readBootstrapServerAndTopic)
    for (const name of ['bootstrapServers', 'inputTopics', 'readBootstrapServers', 'kafkaReadTopics'])
      delete given[name];
  return given;
}

for (const template of templates.filter(({ pipelineFrom }) => !pipelineFrom)) {
  test(`${template.id} takes a UDF`, async () => {
    const { parameters } = validateParameters(template, exampleParameters(template));
    const udf = transforms(await renderTemplate(template, parameters, context)).find(
      each => each.type === 'JavaScriptUdf',
    );
    assert.deepEqual(udf?.config, {
      path: 'gs://your-bucket/your-function.js',
      function: 'transform',
      reload_minutes: 5,
      timeout_ms: 250,
      memory_mb: 256,
      max_output_bytes: 1048576,
      error_handling: { output: 'errors' },
    });
  });

  test(`${template.id} gives what fails to a dead letter, with a function and without, in either place`, async () => {
    const all = exampleParameters(template);
    const {
      javascriptTextTransformGcsPath: _path,
      javascriptTextTransformFunctionName: _name,
      ...plain
    } = all;
    const {
      outputDeadletterTopic: _topic,
      outputDeadLetterTopic: _kafkaTopic,
      errorOutputTopic: _errorTopic,
      ...toFiles
    } = all;
    const { deadLetterDirectory: _directory, ...byDefault } = toFiles;
    for (const given of [all, plain, toFiles, byDefault]) {
      const { parameters } = validateParameters(template, given);
      const members = transforms(await renderTemplate(template, parameters, context));
      const encoders = members.filter(each => each.type === 'EncodeDeadLetters');
      assert.equal(encoders.length, 1);
      const failing = members.filter(each => each.config?.error_handling).map(each => `${each.name}.errors`);
      const handler = members.find(each => each.name === 'DeadLetters');
      assert.deepEqual(handler?.input, failing);
      const [sink, ...more] = handler?.transforms?.filter(each => each.type.startsWith('WriteTo')) ?? [];
      assert.deepEqual(more, []);
      if (sink?.type === 'WriteToBigQuery') {
        assert.match(String(sink.config?.table), /your_errors$|_error_records$/);
        continue;
      }
      if (given === byDefault)
        assert.match(String(sink?.config?.path), /(?:\/errors|\/dead-letters)\/error-$/);
      if (given === toFiles) assert.equal(sink?.config?.path, 'gs://your-bucket/errors/error-');
    }
  });
}

interface Transform {
  type: string;
  name?: string;
  input?: unknown;
  config?: Record<string, unknown>;
  transforms?: Transform[];
}

/** Every transform of a rendered pipeline, those within others too. */
function transforms(pipeline: unknown): Transform[] {
  const { transforms: members = [], extra_transforms: extras = [] } = JSON.parse(JSON.stringify(pipeline));
  return [...members, ...extras].flatMap((each: Transform) => [each, ...transforms(each)]);
}
