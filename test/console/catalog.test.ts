import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { consoleOf } from '../../src/console/console.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';

const openPage = browser();
const skip = missing('chromium');

const template = (id: string, more = '') => `id: ${id}
title: <img src=x onerror=alert(1)>
category: BATCH
streaming: false
description: Reads <script>alert(1)</script> and \`code\`.
parameters:
  type: object
  required: [input]
  properties:
    input: {type: string, format: gcs-read-file, title: Input, description: '<b>bold</b>', examples: ['<i>.txt']}
pipeline:
  type: chain
  transforms:
    - {type: ReadFromText, config: {path: "{{input}}"}}
    - {type: WriteToPubSub, config: {topic: projects/p/topics/t}}
${more}`;

async function withTemplates(t: TestContext, own: Record<string, string>): Promise<TestServer> {
  const home = await temporaryFolder(t);
  for (const [id, text] of Object.entries(own)) {
    await mkdir(join(home, 'templates', id), { recursive: true });
    await writeFile(join(home, 'templates', id, 'template.yaml'), text);
  }
  return startServer(t, { config: { home }, pages: consoleOf });
}

/** The ids of the templates that a page shows, in their order. */
const shownIn = (html: string): string[] =>
  [...html.matchAll(/<h2><a href="\/templates\/([^"]+)"/g)].map(([, id = '']) => id);

test('templates are found by words, category, what they read and what they write', async t => {
  const { get } = await startServer(t, { pages: consoleOf });
  const found = async (query: string) => shownIn((await get(`/templates?${query}`)).text);
  assert.ok((await found('')).length > 30);
  assert.deepEqual((await found('')).slice(0, 2).sort(), ['Word_Count', 'Yaml_Template']);
  assert.deepEqual(await found('reads=Kafka&writes=BigQuery'), ['Stream_to_Warehouse', 'Kafka_to_BigQuery']);
  assert.deepEqual(await found('query=words&category=GET_STARTED'), ['Word_Count']);
  assert.deepEqual(await found('writes=Splunk'), ['Cloud_PubSub_to_Splunk']);
  const { text } = await get('/templates?query=cobol&writes=Splunk');
  assert.deepEqual(shownIn(text), []);
  assert.match(text, /writes to Splunk and holds all the words “cobol”/);
  assert.match(text, /<option value="Splunk" selected>/);
});

test('badges come from what components declare: a topic has elements at least once, a table once', async t => {
  const { get } = await startServer(t, { pages: consoleOf });
  const badges = async (id: string) =>
    [...(await get(`/templates/${id}`)).text.matchAll(/class="badge[^"]*">([^<]+)</g)].map(
      ([, text]) => text,
    );
  assert.deepEqual((await badges('PubSub_to_BigQuery')).slice(0, 3), [
    'Streaming',
    'Function',
    'Exactly once',
  ]);
  assert.ok(!(await badges('GCS_Text_to_Cloud_PubSub')).includes('Exactly once'));
});

test("a user's templates come first, whatever they say is text, and one that cannot be read says why", async t => {
  const { get } = await withTemplates(t, { Mine: template('Mine'), Odd: template('Odd', 'colour: red\n') });
  const { text } = await get('/templates');
  assert.deepEqual(shownIn(text).slice(0, 2).sort(), ['Mine', 'Odd']);
  assert.doesNotMatch(text, /<script>alert|<img src=x/);
  assert.match(text, /Cannot be used/);
  const page = await get('/templates/Mine');
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /<script>alert|<img src=x|<b>bold|<i>\.txt/);
  assert.match(page.text, /&lt;img src&#x3D;x onerror/);
  assert.match(page.text, /<code>code<\/code>/);
  const odd = await get('/templates/Odd');
  assert.equal(odd.status, 400);
  assert.match(odd.text, /TEMPLATE_INVALID/);
  assert.match(odd.text, /Odd\/template\.yaml:\d+:\d+: .*colour/);
});

test('the page of a template has its parameters, its rules, its pipeline, and the launch in three forms', async t => {
  const { get } = await startServer(t, { pages: consoleOf });
  const { text } = await get('/templates/Streaming_Data_Generator');
  assert.match(text, /id="parameter-qps"[\s\S]*?Required/);
  assert.match(text, /Required when sinkType is GCS/);
  assert.match(text, /data-node="WriteFiles"[\s\S]*?when sinkType is GCS/);
  assert.match(
    text,
    /Generate gives to Udf; Udf gives to Window, gives failed elements to EncodeDeadLetters/,
  );
  for (const start of [
    'sluice launch Streaming_Data_Generator',
    'gcloud dataflow flex-template run',
    'curl http://',
  ])
    assert.ok(text.includes(start), start);
  assert.match(text, /href="\/templates\/Streaming_Data_Generator\/launch"/);
  assert.equal(
    (await get('/templates/Streaming_Data_Generato', { headers: { accept: 'text/html' } })).status,
    404,
  );
});

test('every template that ships has a page, fast once the catalog is read', async t => {
  const { get } = await startServer(t, { pages: consoleOf });
  const all = shownIn((await get('/templates')).text);
  for (const id of all) assert.equal((await get(`/templates/${id}`)).status, 200, id);
  const began = performance.now();
  await get('/templates');
  const ms = performance.now() - began;
  t.diagnostic(`the catalog takes ${ms.toFixed(0)} ms`);
  assert.ok(ms < 2000);
});

test('who types finds a template at once, and the address says what was looked for', { skip }, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url });
  await page.goto('/');
  await assertAccessible(page);
  await page.getByRole('searchbox').pressSequentially('kafka');
  await page.getByLabel('Writes to').selectOption('BigQuery');
  await page.waitForURL('**/templates?query=kafka&writes=BigQuery');
  assert.equal(await page.locator('.template').count(), 2);
  await page.getByRole('link', { name: 'Batch' }).click();
  await page.getByRole('heading', { name: 'No template matches' }).waitFor();
  assert.equal(await page.getByRole('searchbox').inputValue(), 'kafka');
  await page.getByRole('link', { name: 'Show all templates' }).click();
  await page.getByRole('link', { name: 'Kafka to BigQuery' }).click();
  await page.getByRole('heading', { name: 'Kafka to BigQuery' }).waitFor();
  await assertAccessible(page);
  await page.locator('.command').first().getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const copied = await page.evaluate('navigator.clipboard.readText()');
  assert.match(String(copied), /^sluice launch Kafka_to_BigQuery \\\n/);
});

test('the catalog works without scripts', { skip }, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url, runsScripts: false, width: 360 });
  await page.goto('/templates');
  await page.getByRole('searchbox').fill('word count');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('link', { name: 'Word count' }).click();
  await page.getByRole('link', { name: 'Launch' }).click();
  await page.waitForURL('**/templates/Word_Count/launch');
});
