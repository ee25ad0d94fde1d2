import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { saveUdf } from '../../src/udf/versions.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import type { TestServerOptions } from '../helpers/server.ts';
import { missing } from '../services/index.ts';
import { aRecord } from '../store/a-record.ts';
import { type ConsoleBench, HOSTILE, MADE, openConsole } from './parts.ts';

const openPage = browser();
const skip = missing('chromium');
const MARKS = `/** Marks what is large. */
function process(payload) {
  const order = JSON.parse(payload);
  if (order.amount <= 100) return null;
  order.large = true;
  return JSON.stringify(order);
}
`;
const LOUD = MARKS.replace('order.large', 'order.huge');
const SAMPLES = '{"amount": 5}\n{"amount": 500}\nno JSON';
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** A server with the function `large` in its library, uploaded by the page. */
async function withFunction(t: TestContext, ...sources: string[]): Promise<ConsoleBench> {
  const bench = await openConsole(t);
  for (const source of sources) {
    const { status, headers } = await bench.submit('/new-function', {
      action: 'save',
      name: 'large',
      source,
    });
    assert.deepEqual([status, headers.get('location')], [303, '/functions/large']);
  }
  return bench;
}

const part = (bench: ConsoleBench, path: string, fields: Record<string, string>) =>
  bench.post(path, String(new URLSearchParams(fields)), {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'sec-fetch-site': 'same-origin',
      'hx-request': 'true',
    },
  });

test('the library lists whose functions there are, their versions, and the jobs that use them', async t => {
  const bench = await openConsole(t);
  const { get, service, submit } = bench;
  const empty = await get('/functions');
  assert.match(empty.text, /No function of yours yet[\s\S]*function process\(payload\) \{/);
  assert.match(empty.text, /href="\/functions\/csv-to-json"/);
  await submit('/new-function', { action: 'save', name: 'large', source: `/** ${HOSTILE}. */\n${MARKS}` });
  const version = hashOf(`/** ${HOSTILE}. */\n${MARKS}`);
  const uses = (name: string, path: string) =>
    service.store.jobs.insert(aRecord({ name, parameters: { javascriptTextTransformGcsPath: path } }));
  uses('new-one', `udf://large@${version}`);
  uses('old-one', 'udf://large@0123456789ab');
  uses('follower', 'udf://large');
  const { text } = await get('/functions');
  assert.doesNotMatch(text, MADE);
  assert.match(text, /&lt;img src/);
  assert.match(text, new RegExp(`<code>${version}</code>`));
  assert.match(text, /<td>local<\/td>/);
  assert.match(text, new RegExp(`new-one</a> <span class="badge">${version}</span>`));
  assert.match(text, /old-one<\/a> <span class="badge warn">0123456789ab<\/span>/);
  assert.match(text, /follower<\/a> <span class="badge">the latest<\/span>/);
  const { text: shown } = await get('/functions/large');
  assert.match(shown, /old-one uses 0123456789ab/);
});

test('samples run without a script in the page, and each tells what became of it', async t => {
  const bench = await withFunction(t, MARKS);
  const source = `${MARKS}// ${HOSTILE}`.replaceAll('\n', '\r\n');
  const fields = { action: 'run', name: 'large', source, samples: `${SAMPLES}\n{"amount": "${HOSTILE}"}` };
  const { status, text } = await bench.submit('/functions/large', fields);
  assert.equal(status, 200);
  assert.doesNotMatch(text, MADE);
  assert.match(text, /2 went on, 1 filtered, 1 failed\./);
  assert.match(text, /&quot;large&quot;: true/);
  assert.match(text, /Line 3, column 22 · UDF_THREW/);
  assert.match(text, /data-draft/);
  assert.match(text, /function process\(payload\) \{\n {2}const order/);
  const broken = await part(bench, '/functions/large', { ...fields, source: 'let a = 1;\nlet b = ;' });
  assert.equal(broken.status, 200);
  assert.match(broken.text, /data-line="2" data-column="9" data-message="Unexpected token &#x27;;&#x27;"/);
  assert.doesNotMatch(broken.text, /<html/);
  const many = await part(bench, '/functions/large', { ...fields, samples: 'x\n'.repeat(60) });
  assert.match(many.text, /There are 60 samples; 50 can be run at a time\./);
});

test('a script that does not load is not saved, and the form keeps it', async t => {
  const bench = await withFunction(t, MARKS);
  const fields = { action: 'save', name: 'large', source: 'function process( {' };
  const { status, text } = await bench.submit('/functions/large', fields);
  assert.equal(status, 400);
  assert.match(text, /role="alert"[\s\S]*function process\( \{<\/textarea>/);
  const { body } = await bench.get('/api/udfs/large');
  assert.equal(body.source, MARKS);
  for (const name of ['', '../up', '<b>']) {
    const answer = await bench.submit('/new-function', { action: 'save', name, source: MARKS });
    assert.equal(answer.status, 400, name);
    assert.match(answer.text, /class="notice bad"/);
    assert.doesNotMatch(answer.text, /<b>/);
  }
  const odd = await bench.submit('/new-function', { action: 'destroy', name: 'a', source: MARKS });
  assert.equal(odd.status, 400);
});

test('cases run on the script as it is typed, show what differs, and are saved', async t => {
  const bench = await withFunction(t, MARKS);
  const output = { amount: 500, large: true };
  const cases = JSON.stringify({ cases: [{ name: `large ${HOSTILE}`, input: { amount: 500 }, output }] });
  const test = (source: string) =>
    part(bench, '/functions/large', { action: 'run-cases', name: 'large', source, cases });
  assert.match((await test(MARKS)).text, /1 passed, 0 failed/);
  const { text } = await test(LOUD);
  assert.match(text, /0 passed, 1 failed/);
  assert.doesNotMatch(text, MADE);
  assert.match(text, /<td>expected<\/td><td><code> {2}&quot;large&quot;: true<\/code>/);
  assert.match(text, /<td>came<\/td><td><code> {2}&quot;huge&quot;: true<\/code>/);
  const save = (given: string) =>
    bench.submit('/functions/large', { action: 'save-cases', name: 'large', source: LOUD, cases: given });
  const refused = await save('{"cases": [{"name": "x"}]}');
  assert.equal(refused.status, 400);
  assert.match(refused.text, /cases\.json is not a file of cases/);
  const saved = await save(cases);
  assert.match(saved.text, /1 case saved\./);
  assert.match(saved.text, /order\.huge/);
  const { body } = await bench.get('/api/udfs/large');
  assert.deepEqual([body.hasCases, body.source], [true, MARKS]);
  assert.match((await bench.get('/functions/large')).text, /id="samples"[^>]*>\n\{&quot;amount&quot;:500\}/);
});

test('any two versions are compared, and an old one is made the latest again', async t => {
  const bench = await withFunction(t, MARKS, LOUD);
  const [first, second] = [hashOf(MARKS), hashOf(LOUD)];
  const { text } = await bench.get('/functions/large/versions');
  assert.match(
    text,
    /<tr class="removed"><td class="number">5<\/td>.*<code> {2}order\.large &#x3D; true;<\/code>/,
  );
  assert.match(
    text,
    /<tr class="added">.*<td class="number">5<\/td>.*<code> {2}order\.huge &#x3D; true;<\/code>/,
  );
  const back = await bench.get(`/functions/large/versions?from=${second}&to=${first}`);
  assert.match(back.text, /<tr class="removed">.*order\.huge/);
  const old = await bench.get(`/functions/large?version=${first}`);
  assert.match(old.text, /Not the latest[\s\S]*order\.large &#x3D; true/);
  assert.equal((await bench.get('/functions/large?version=ffffffffffff')).status, 404);
  assert.equal((await bench.get('/functions/large/versions?from=nothing')).status, 404);
  const { status } = await bench.submit('/functions/large/versions', { version: first });
  assert.equal(status, 303);
  const { body } = await bench.get('/api/udfs/large');
  assert.equal(body.version, first);
  assert.equal((await bench.get('/functions/nothing')).status, 404);
});

test('a viewer reads functions, and neither runs nor saves one', async t => {
  const bench = await openConsole(t, { as: 'viewer' } satisfies TestServerOptions);
  const { text } = await bench.get('/functions/filter');
  assert.match(text, /Your token may look only/);
  assert.doesNotMatch(text, /data-may-run/);
  for (const [path, action] of [
    ['/functions/filter', 'run'],
    ['/functions/filter', 'save'],
    ['/new-function', 'run'],
    ['/functions/filter/versions', ''],
  ] as const)
    assert.equal((await bench.submit(path, { action, source: MARKS })).status, 403, path + action);
});

const typed = (page: Page) => page.getByRole('textbox', { name: 'Script' });
const marked = (page: Page) => page.locator('.cm-lintRange-error');

async function assertNarrow(page: Page): Promise<void> {
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.ok(Number(overflow) <= 0, `${page.url()} is ${overflow} pixels too wide`);
}

/** Replaces a line of the editor, as a user does. */
async function retype(page: Page, line: string, text: string): Promise<void> {
  await typed(page).locator('.cm-line', { hasText: line }).click();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+End');
  await page.keyboard.insertText(text);
}

test('a function is broken, its line is marked, it is mended, saved and compared', { skip }, async t => {
  const bench = await withFunction(t, MARKS);
  const page = await openPage(t, { url: bench.url });
  await page.goto('/functions');
  await page.getByRole('link', { name: 'large', exact: true }).click();
  await page.getByRole('textbox', { name: 'Samples' }).fill(SAMPLES);
  await page.getByText('process: 1 went on, 1 filtered, 1 failed.').waitFor();
  assert.equal(await marked(page).count(), 1);

  await retype(page, 'order.large = true', 'order.large = ;');
  await page.getByRole('alert').getByText("Unexpected token ';'").waitFor();
  await page.getByText('Line 5, column 17 · UDF_SYNTAX').waitFor();
  assert.equal(await marked(page).textContent(), ';');
  await assertAccessible(page);

  await retype(page, 'order.large = ;', 'order.large = order.lines.length;');
  await page.getByText("reading 'length'").waitFor();
  await page.getByText('Line 5, column 29 · UDF_THREW').waitFor();

  await retype(page, 'order.lines', 'order.huge = true;');
  await page.getByLabel('Output of sample 2').getByText('"huge": true').waitFor();

  page.on('dialog', dialog => {
    assert.equal(dialog.type(), 'beforeunload');
    void dialog.accept();
  });
  await page.reload();
  await page.getByText('This is text of yours that has not been saved.').waitFor();
  await typed(page).getByText('order.huge = true').waitFor();

  await typed(page).click();
  await page.keyboard.press('ControlOrMeta+s');
  await page.getByRole('link', { name: '2 versions' }).click();
  await page.getByRole('row', { name: '+ order.huge = true' }).waitFor();
  await page.getByRole('row', { name: '− order.large = true' }).waitFor();
  await assertAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await assertNarrow(page);
  const { body } = await bench.get('/api/udfs/large');
  assert.equal(body.source, LOUD);
  await page.goto('/functions/large');
  assert.equal(await page.locator('#unsaved').isVisible(), false);
});

test('a new function is written, its functions are offered, and a run is given up for the next', {
  skip,
}, async t => {
  const bench = await openConsole(t);
  const page = await openPage(t, { url: bench.url, width: 360, height: 740 });
  await page.goto('/functions');
  await page.getByRole('link', { name: 'Try this one out' }).click();
  await page.getByText('process: 1 went on, 1 filtered, 1 failed.').waitFor();
  await typed(page).click();
  await page.keyboard.press('ControlOrMeta+a');
  const givenUp = page.waitForEvent('requestfailed');
  await page.keyboard.insertText('function slow(x) { for (;;) {} }');
  await page.locator('#results[aria-busy]').waitFor();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText('function fast(x) { return x; }\nfunction loud(x) { return x + "!"; }');
  await page.getByText('fast: 3 went on, 0 filtered, 0 failed.').waitFor();
  await givenUp;
  await page.getByLabel('Function').selectOption('loud');
  await page.getByLabel('Output of sample 3').getByText('not JSON!').waitFor();
  await page.keyboard.press('Escape');
  await assertNarrow(page);
  await page.getByLabel('Name').fill('mine');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.waitForURL('**/functions/mine');
  await page.getByText('loud: 3 went on, 0 filtered, 0 failed.').waitFor();
  await page.getByText('Cases', { exact: true }).click();
  await page
    .getByLabel('cases.json')
    .fill('{"function": "fast", "cases": [{"name": "the same", "input": "a", "output": "b"}]}');
  await page.getByRole('button', { name: 'Run the cases' }).click();
  await page.getByText('0 passed, 1 failed.').waitFor();
  await assertAccessible(page);
});

test('functions are written and saved by browsers without scripts', { skip }, async t => {
  const bench = await openConsole(t);
  await saveUdf(bench.config, { name: 'large', source: MARKS, module: false });
  const page = await openPage(t, { url: bench.url, runsScripts: false });
  await page.goto('/functions/large');
  await page.getByRole('textbox', { name: 'Samples' }).fill(SAMPLES);
  await page.getByRole('textbox', { name: 'Script' }).fill(LOUD);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByLabel('Output of sample 2').getByText('"huge": true').waitFor();
  await page.getByRole('button', { name: 'Save as new version' }).click();
  await page.getByRole('link', { name: '2 versions' }).waitFor();
  const { body } = await bench.get('/api/udfs/large');
  assert.equal(body.source, LOUD);
});

test('a dead letter is opened as a sample of the version that it failed in', async t => {
  const bench = await withFunction(t, MARKS);
  const input = join(bench.folder, 'in.txt');
  await writeFile(input, `{"amount": 500}\n${HOSTILE}\n`);
  const jobId = await bench.launch('GCS_Text_to_GCS_Text', 'failing', {
    inputFilePattern: input,
    outputDirectory: join(bench.folder, 'out'),
    javascriptTextTransformGcsPath: 'udf://large',
    javascriptTextTransformFunctionName: 'process',
  });
  await bench.ended(jobId);
  await bench.submit('/functions/large', { action: 'save', name: 'large', source: LOUD });
  const linkIn = async (path: string, link: RegExp): Promise<string> => {
    const { text } = await bench.get(path);
    const [, href] = link.exec(text) ?? assert.fail(text);
    return String(href).replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
  };
  const letter = await linkIn(`/jobs/${jobId}/dead-letters/found`, /href="([^"]+\/letter\?[^"]+)"/);
  const editor = await linkIn(letter, /href="([^"]+)">Try it in the editor/);
  const { text } = await bench.get(editor);
  assert.doesNotMatch(text, MADE);
  assert.match(text, /id="samples"[^>]*>\n&lt;img src&#x3D;x onerror&#x3D;alert\(1\)&gt;<\/textarea>/);
  assert.match(text, /Not the latest[\s\S]*order\.large/);
});

test('what is saved under another name leaves the one that it was made from', async t => {
  const bench = await openConsole(t);
  const { body: before } = await bench.get('/api/udfs/filter');
  const fields = { action: 'save', name: 'my-filter', source: MARKS, module: 'false' };
  const { headers } = await bench.submit('/functions/filter', fields);
  assert.equal(headers.get('location'), '/functions/my-filter');
  assert.deepEqual((await bench.get('/api/udfs/filter')).body, before);
  assert.equal((await bench.get('/api/udfs/my-filter')).body.source, MARKS);
});

test('of many jobs that use a function a few are named', async t => {
  const bench = await withFunction(t, MARKS);
  const parameters = { javascriptTextTransformGcsPath: `udf://large@${hashOf(MARKS)}` };
  for (let i = 0; i < 600; i++) bench.service.store.jobs.insert(aRecord({ parameters }));
  const { text } = await bench.get('/functions');
  assert.match(text, /and 497 more/);
  assert.ok(text.length < 50_000, `${text.length} characters`);
  const { text: shown } = await bench.get('/functions/large');
  assert.ok(shown.length < 50_000, `${shown.length} characters`);
});
