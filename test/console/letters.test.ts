import assert from 'node:assert/strict';
import { createWriteStream, globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import { saveUdf } from '../../src/udf/versions.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import type { TestServerOptions } from '../helpers/server.ts';
import { missing } from '../services/index.ts';
import { addEnded, type ConsoleBench, HOSTILE, MADE, openConsole } from './parts.ts';

const openPage = browser();
const skip = missing('chromium');
const RECORDS = 60;
const BROKEN = `function process(text) {
  if (JSON.parse(text).id % 10 === 0) throw new Error('<b>no</b> ' + text);
  return text;
}`;
const MENDED = 'function process(text) { return text; }';
const JOB = 'GCS_Text_to_GCS_Text';

interface Failed extends ConsoleBench {
  jobId: string;
}

/** A job of which six of sixty records have failed in the function that it was launched with. */
async function failedJob(t: TestContext, options: TestServerOptions = {}): Promise<Failed> {
  const bench = await openConsole(t, options);
  const { folder, config, launch, ended } = bench;
  const lines = Array.from({ length: RECORDS }, (_, id) => JSON.stringify({ id, note: HOSTILE }));
  await writeFile(join(folder, 'in.ndjson'), `${lines.join('\n')}\n`);
  await saveUdf(config, { name: 'mine', source: BROKEN, module: false });
  const jobId = await launch(JOB, 'failing', {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: 'udf://mine',
    javascriptTextTransformFunctionName: 'process',
  });
  const { state } = await ended(jobId);
  assert.equal(state, 'DONE');
  return { ...bench, jobId };
}

const idsIn = (folder: string): number[] =>
  globSync(join(folder, 'out/output*'))
    .flatMap(path => readFileSync(path, 'utf8').trim().split('\n'))
    .map(line => JSON.parse(line).id)
    .sort((a, b) => a - b);

const hrefsIn = (html: string): string[] =>
  [...html.matchAll(/href="([^"]*\/letter\?[^"]*)"/g)].map(([, href = '']) =>
    href.replaceAll('&amp;', '&').replaceAll('&#x3D;', '='),
  );

test('letters are shown by reason and one by one, and whatever they say is text', async t => {
  const { get, jobId } = await failedJob(t);
  const base = `/jobs/${jobId}/dead-letters`;
  const all = await get('/dead-letters');
  assert.match(all.text, /failing[\s\S]*class="number"[^>]*>6<[\s\S]*UDF_THREW/);
  const page = (await get(base)).text;
  assert.match(page, /6 dead letters[\s\S]*UDF_THREW<\/a>[\s\S]*in Udf/);
  const found = (await get(`${base}/found?code=UDF_THREW`)).text;
  const letters = hrefsIn(found);
  assert.equal(letters.length, 6);
  const letter = await get(letters[0] ?? '');
  assert.match(letter.text, /&quot;id&quot;: 0,\n/);
  assert.match(letter.text, /mine[^\n]*:2/);
  const counted = (await get(`${base}/counted`)).text;
  assert.match(counted, /6 elements[\s\S]*none was replayed yet/);
  for (const { text } of [all, { text: page }, { text: found }, letter, { text: counted }]) {
    assert.doesNotMatch(text, MADE);
    assert.doesNotMatch(text, /<b>no/);
  }
  assert.match((await get(`${base}/found?code=%3Cimg%20src%3Dx`)).text, /None is there to be read yet/);
  for (const query of ['limit=x', 'limit=-1', 'limit=1e9', 'code='])
    assert.equal((await get(`${base}/found?${query}`)).status, 200, query);
  const none = await get(`${base}/letter?id=%3Cb%3Enone`, { headers: { accept: 'text/html' } });
  assert.equal(none.status, 404);
  assert.match(none.text, /DEAD_LETTER_NOT_FOUND/);
  assert.doesNotMatch(none.text, /<b>none/);
});

test('from a letter one goes to the next and the previous, and takes its payload along', async t => {
  const { get, jobId } = await failedJob(t);
  const [first = '', second = ''] = hrefsIn(
    (await get(`/jobs/${jobId}/dead-letters/found?code=UDF_THREW`)).text,
  );
  assert.match(first, /code=UDF_THREW/);
  const page = (await get(first)).text;
  assert.doesNotMatch(page, /rel="prev"/);
  assert.deepEqual(hrefsIn(page), [second]);
  assert.equal(hrefsIn((await get(second)).text)[0], first);
  const [, payload = ''] = /href="([^"]*\/payload\?[^"]*)"/.exec(page) ?? [];
  const file = await get(payload.replaceAll('&#x3D;', '='));
  assert.equal(file.text, JSON.stringify({ id: 0, note: HOSTILE }));
  assert.match(file.headers.get('content-disposition') ?? '', /^attachment; filename="?[\w.-]+\.txt"?$/);
  assert.equal(file.headers.get('x-content-type-options'), 'nosniff');
});

test('without any the page says that none is good', async t => {
  const { get } = await openConsole(t, { maxJobs: 0 });
  assert.match((await get('/dead-letters')).text, /No dead letters/);
});

test('what cannot be replayed is told where it was asked for, and by whom it may not be', async t => {
  const { submit, jobId } = await failedJob(t);
  const path = `/jobs/${jobId}/dead-letters/replay`;
  for (const [fields, status, why] of [
    [{ what: 'chosen' }, 400, 'No letter is chosen'],
    [{ what: 'all', code: 'NONE' }, 404, 'no dead letter'],
    [{ what: 'all', udf: 'udf://absent' }, 404, 'absent'],
    [{ what: 'all', udf: '/etc/passwd' }, 403, '/etc/passwd'],
    [{ what: 'chosen', letter: HOSTILE }, 404, 'no dead letter'],
  ] as const) {
    const refused = await submit(path, { ...fields });
    assert.equal(refused.status, status, why);
    assert.match(refused.text, new RegExp(`role="alert"><strong>[^<]*${why}`));
    assert.doesNotMatch(refused.text, MADE);
  }
  assert.equal((await submit('/jobs/nobody/dead-letters/replay', { what: 'all' })).status, 404);
  const viewer = await openConsole(t, { as: 'viewer', maxJobs: 0 });
  const base = `/jobs/${addEnded(viewer.service.store)}/dead-letters`;
  assert.match((await viewer.get(base)).text, /value="all" disabled/);
  assert.equal((await viewer.submit(`${base}/replay`, { what: 'all' })).status, 403);
});

test('letters are replayed through a mended version, each once, and what came of it is shown', {
  skip,
}, async t => {
  const { url, jobId, folder, config, ended } = await failedJob(t);
  const page = await openPage(t, { url, allowed: [/status of 400/] });
  await page.goto('/dead-letters');
  await assertAccessible(page);
  await page.getByRole('link', { name: 'failing' }).click();
  await page.getByText('none was replayed yet').waitFor();
  await page.getByRole('checkbox').first().waitFor();
  await assertAccessible(page);
  await page.getByRole('link', { name: /"id":10,/ }).click();
  assert.ok((await page.locator('pre').first().textContent())?.includes(HOSTILE));
  await assertAccessible(page);
  const nextJob = async () => {
    await page.waitForURL(`**/jobs/*`);
    const id = decodeURIComponent(page.url().split('/').at(-1) ?? '');
    await page.getByRole('link', { name: 'replays dead letters' }).waitFor();
    return ended(id);
  };
  // Through the function as the job had it, this one fails again.
  await page.getByRole('button', { name: 'Replay it' }).click();
  assert.equal((await nextJob()).result?.elements.deadLettered, 1);
  await page.getByText('DONE', { exact: true }).waitFor();

  await saveUdf(config, { name: 'mine', source: MENDED, module: false });
  await page.goto(`/jobs/${jobId}/dead-letters`);
  await page.getByText('the others were taken by 1 replay').waitFor();
  await page.getByLabel('Through').selectOption({ label: 'mine, the latest' });
  await page.getByRole('checkbox').nth(2).check();
  await page.getByRole('button', { name: 'Replay the chosen' }).click();
  assert.deepEqual((await nextJob()).result?.elements.written, 1);
  await page.goto(`/jobs/${jobId}/dead-letters?code=UDF_THREW`);
  await page.getByLabel('Through').selectOption({ label: 'mine, the latest' });
  await page.getByRole('button', { name: 'Replay all of UDF_THREW' }).click();
  assert.deepEqual((await nextJob()).result?.elements.written, 5);
  assert.deepEqual(
    idsIn(folder),
    Array.from({ length: RECORDS }, (_, id) => id),
  );
  await page.goto(`/jobs/${jobId}/dead-letters`);
  await page.getByText('0 wait, the others were taken by 3 replays').waitFor();
  await page.getByRole('button', { name: 'Replay all' }).click();
  await page.getByText('There is nothing to replay.').waitFor();
});

test('without scripts letters are chosen and replayed', { skip }, async t => {
  const { url, jobId, ended } = await failedJob(t);
  const page = await openPage(t, { url, runsScripts: false, width: 360 });
  await page.goto(`/jobs/${jobId}/dead-letters`);
  await page.getByRole('link', { name: 'Show them' }).click();
  await page.getByRole('checkbox').nth(3).check();
  await page.getByRole('button', { name: 'Replay the chosen' }).click();
  await page.waitForURL(/\/jobs\/[^/]+$/);
  const { result } = await ended(decodeURIComponent(page.url().split('/').at(-1) ?? ''));
  assert.equal(result?.elements.read, 1);
});

const MANY = 1_000_000;

test('of a million letters the page answers at once, and the first ones come soon', async t => {
  const { get, jobId, folder, service } = await failedJob(t);
  const base = `/jobs/${jobId}/dead-letters`;
  const [file = ''] = globSync(join(folder, '**/*.json*')).filter(path => /dead|error|dlq/i.test(path));
  const letter = JSON.parse(readFileSync(file, 'utf8').split('\n')[0] ?? '');
  const out = createWriteStream(file);
  for (let i = 0; i < MANY; i += 1000) {
    const lines = Array.from(
      { length: 1000 },
      (_, j) => `${JSON.stringify({ ...letter, id: `l-${i + j}` })}\n`,
    );
    if (!out.write(lines.join(''))) await new Promise(resolve => out.once('drain', resolve));
  }
  out.end();
  await finished(out);
  const record = service.store.jobs.require(jobId);
  const timed = async (path: string, limitMs: number) => {
    const began = performance.now();
    const { status, text } = await get(path);
    const ms = performance.now() - began;
    t.diagnostic(`${path.replace(jobId, ':id')} takes ${ms.toFixed(0)} ms`);
    assert.equal(status, 200, text);
    assert.ok(ms < limitMs, `${path} takes ${ms} ms`);
    return text;
  };
  assert.equal(record.state, 'DONE');
  await get(base);
  await timed(base, 500);
  await timed('/dead-letters', 500);
  const found = await timed(`${base}/found`, 20_000);
  assert.equal(hrefsIn(found).length, 25);
  assert.match(await timed(`${base}/counted`, 60_000), /1,000,000 elements/);
});
