import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { emptyCounters } from '../../src/engine/counters.ts';
import { jobFile } from '../../src/jobs/job.ts';
import type { OpenService } from '../../src/service/service.ts';
import { holderOf } from '../../src/worker/claim.ts';
import { stderrFile, workerDirectory } from '../../src/worker/places.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { eventually } from '../jobs/service-jobs.ts';
import { missing } from '../services/index.ts';
import { aRecord } from '../store/a-record.ts';
import { addEnded, type ConsoleBench, HOSTILE, MADE, openConsole, streamInto } from './parts.ts';

const openPage = browser();
const skip = missing('chromium');
const GENERATOR = 'Streaming_Data_Generator';

/** The names of the jobs that a page shows, in their order. */
const namesIn = (html: string): string[] =>
  [...html.matchAll(/<tr id="job-[^"]*">\s*<td><a[^>]*>([^<]*)</g)].map(([, name = '']) => name);

const hrefIn = (html: string, text: string): string => {
  const [, href = ''] = new RegExp(`href="([^"]*)"[^>]*>${text}<`).exec(html) ?? [];
  return href.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
};

test('jobs are found by state, name and template, page by page, and what they are called is text', async t => {
  const prepare = ({ store }: OpenService) => {
    for (let i = 0; i < 120; i++)
      addEnded(store, { name: `job-${i}`, templateId: i % 2 ? 'Word_Count' : HOSTILE });
    addEnded(store, { name: 'broken' }, 'FAILED');
    store.jobs.insert(aRecord({ name: 'waiting', state: 'QUEUED' }));
  };
  const { get } = await openConsole(t, { prepare, maxJobs: 0 });
  const names = async (query: string) => namesIn((await get(`/jobs?${query}`)).text);
  const first = await get('/jobs');
  assert.doesNotMatch(first.text, MADE);
  assert.equal(namesIn(first.text).length, 50);
  const seen = namesIn(first.text);
  for (let next = hrefIn(first.text, 'Older jobs'); next !== ''; ) {
    const { text } = await get(next);
    seen.push(...namesIn(text));
    next = hrefIn(text, 'Older jobs');
  }
  assert.equal(new Set(seen).size, 122);
  assert.equal(seen.length, 122);
  assert.deepEqual(await names('show=active'), ['waiting']);
  assert.deepEqual(await names('show=FAILED'), ['broken']);
  assert.deepEqual(await names('show=ended&name=JOB-11%20-119'), ['job-119']);
  assert.equal((await names('template=Word_Count')).length, 50);
  assert.deepEqual(await names('template=Word_Count&name=job-118'), []);
  assert.match((await get('/jobs?name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E')).text, /No job matches/);
  assert.doesNotMatch((await get('/jobs?name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E')).text, MADE);
  assert.equal((await get('/jobs?show=nonsense')).status, 200);
  const wrong = await get('/jobs?page=nonsense');
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /no page has given this token/);
});

test('a job without a template has no page of a template to go to', async t => {
  const prepare = ({ store }: OpenService) => addEnded(store, { name: 'bare' });
  const { get } = await openConsole(t, { prepare, maxJobs: 0 });
  assert.doesNotMatch((await get('/jobs')).text, /template=Pipeline/);
});

test('without any job the list says how to get one', async t => {
  const { get } = await openConsole(t, { maxJobs: 0 });
  assert.match((await get('/jobs')).text, /No job yet[\s\S]*sluice launch Word_Count/);
});

test('whatever a job holds is text on each of its pages, and a job that is not there has none', async t => {
  const { get, submit, service } = await openConsole(t, { maxJobs: 0 });
  const { store } = service;
  const record = {
    name: 'hostile',
    templateId: HOSTILE,
    parameters: { [HOSTILE]: HOSTILE, nested: { a: [HOSTILE] }, password: 'secret://job/password' },
    labels: { [HOSTILE]: HOSTILE },
    environment: { note: HOSTILE },
    launchedBy: HOSTILE,
    replacedBy: HOSTILE,
  };
  const id = addEnded(store, record, 'FAILED', { code: 'UDF_THREW', message: HOSTILE });
  store.messages.add([{ jobId: id, time: Date.now(), severity: 'ERROR', text: HOSTILE, stage: HOSTILE }]);
  const tabs = ['', '?tab=messages', '?tab=parameters', '?tab=workers', '?tab=%3Cimg'];
  for (const path of [...tabs, '/stop?how=drain', '/dead-letters']) {
    const { text, status } = await get(`/jobs/${id}${path}`);
    assert.equal(status, 200, path);
    assert.match(text, /hostile/);
    assert.doesNotMatch(text, MADE, path);
  }
  for (const path of ['', '/live', '/history', '/stop', '/dead-letters', '/dead-letters/found']) {
    const { status, text } = await get(`/jobs/%3Cb%3Enobody${path}`, { headers: { accept: 'text/html' } });
    assert.equal(status, 404, path);
    assert.doesNotMatch(text, /<b>nobody/);
  }
  assert.equal((await submit('/jobs/nobody/stop', { how: 'drain' })).status, 404);
  assert.match((await submit(`/jobs/${id}/stop`, { how: 'drain' })).text, /JOB_ENDED/);
  assert.equal((await submit(`/jobs/${id}/stop`, { how: 'explode' })).status, 400);
});

test('messages are found by importance and words, page by page from the latest', async t => {
  const { get, service } = await openConsole(t, { maxJobs: 0 });
  const { store } = service;
  const id = addEnded(store);
  store.messages.add(
    Array.from({ length: 250 }, (_, i) => ({
      ...{ jobId: id, time: 1_700_000_000_000 + i * 1000, text: `Line ${i} was read` },
      severity: i % 50 === 0 ? ('ERROR' as const) : ('INFO' as const),
    })),
  );
  const lines = (html: string) => [...html.matchAll(/class="message">Line (\d+)/g)].map(([, n]) => Number(n));
  const page = async (query: string) => (await get(`/jobs/${id}?tab=messages${query}`)).text;
  const first = await page('');
  assert.deepEqual(
    lines(first),
    Array.from({ length: 100 }, (_, i) => 249 - i),
  );
  const second = (await get(hrefIn(first, 'Older messages'))).text;
  assert.equal(lines(second)[0], 149);
  assert.deepEqual(lines(await page('&level=ERROR')), [200, 150, 100, 50, 0]);
  assert.equal(lines(await page('&words=LINE%2024%20read')).length, 13);
  assert.match(await page('&words=cobol'), /None holds these words/);
  for (const query of ['&page=x', '&page=-1', '&page=1e99', '&level=LOUD', '&words=%25_%27'])
    assert.match(await page(query), /id="messages"/, query);
});

test('each worker is told with its process, what it has done, and the last it said', async t => {
  const { get, submit, folder, config, launch, until, ended, service } = await openConsole(t);
  const id = await launch('Streaming_Data_Generator', 'events', streamInto(folder));
  await until(id, 'RUNNING');
  const directory = workerDirectory(jobFile(config, id), 0);
  await writeFile(stderrFile(directory), `\u001b[2J${HOSTILE} is what it said\n`);
  await eventually(() => service.store.progress.get(id)?.gauges?.memoryBytes !== undefined);
  const { text } = await get(`/jobs/${id}?tab=workers`);
  assert.doesNotMatch(text, MADE);
  assert.match(text, /worker 0 said[\s\S]*onerror&#x3D;alert\(1\)&gt; is what it said/);
  assert.ok(!text.includes('\u001b'));
  const [, pid, read] = /data-label="Process">(\d+)<[\s\S]*data-label="Read">([\d,]+)</.exec(text) ?? [];
  assert.equal(Number(pid), holderOf(directory)?.pid);
  assert.notEqual(read, undefined);
  // It would outlive its server.
  await submit(`/jobs/${id}/stop`, { how: 'cancel' });
  await ended(id);
});

test('of a job in containers the image and its limits are told', async t => {
  const { get, service } = await openConsole(t, { maxJobs: 0 });
  const limits = { memoryBytes: 512e6, cpus: 1.5, pids: 600 };
  const id = addEnded(service.store, {
    container: {
      ...{ image: 'registry.example/own:1', imageId: `sha256:${'a'.repeat(64)}`, limits },
      ...{ isProgram: false, network: 'none' },
    },
  });
  const { text } = await get(`/jobs/${id}?tab=workers`);
  for (const told of [
    'registry.example/own:1',
    'sha256:aaaa',
    '512 MB',
    `sluice-${id}-0`,
    '<dd>1.5</dd>',
    '<dd>600</dd>',
    'none',
  ])
    assert.ok(text.includes(told), told);
});

test('who may only look stops nothing', async t => {
  const record = aRecord({ streaming: true, state: 'RUNNING' });
  const { get, submit, service } = await openConsole(t, { as: 'viewer', maxJobs: 0 });
  service.store.jobs.insert(record);
  const { text } = await get(`/jobs/${record.id}/stop?how=drain`);
  assert.match(text, /value="drain" disabled/);
  assert.equal((await submit(`/jobs/${record.id}/stop`, { how: 'drain' })).status, 403);
  assert.equal(service.store.jobs.require(record.id).wish, undefined);
});

test('ten thousand jobs and ten thousand messages of one do not slow any page', async t => {
  const { get, launch, folder, service } = await openConsole(t, { maxJobs: 0 });
  const { store } = service;
  const id = await launch(GENERATOR, 'rich', streamInto(folder));
  store.transaction(() => {
    for (let i = 0; i < 10_000; i++)
      addEnded(store, { templateId: i % 3 ? 'Word_Count' : GENERATOR, name: `j-${i}` });
    for (let i = 0; i < 5000; i++) {
      const counters = { Generate: { ...emptyCounters(), out: i * 1000 } };
      store.progress.save(id, { time: Date.now() - (5000 - i) * 5000, counters });
    }
  });
  store.messages.add(
    Array.from({ length: 10_000 }, (_, i) => ({
      ...{ jobId: id, time: i, severity: 'INFO' as const, text: `line ${i} ${'x'.repeat(200)}` },
    })),
  );
  const paths = [
    '/jobs',
    '/jobs?name=rich',
    '/jobs?name=nowhere&show=ended',
    '/jobs?template=Word_Count',
    '/jobs?show=FAILED',
    `/jobs/${id}`,
    `/jobs/${id}/history`,
    `/jobs/${id}?tab=messages`,
    `/jobs/${id}?tab=messages&words=nowhere`,
    '/dead-letters',
    '/templates/Word_Count/launch',
  ];
  for (const path of paths) {
    // The first time views are compiled.
    await get(path);
    const began = performance.now();
    const { status } = await get(path);
    const ms = performance.now() - began;
    t.diagnostic(`${path.replace(id, ':id')} takes ${ms.toFixed(0)} ms`);
    assert.equal(status, 200, path);
    assert.ok(ms < 500, `${path} takes ${ms} ms`);
  }
});

async function stream(t: TestContext, ...names: string[]): Promise<ConsoleBench & { ids: string[] }> {
  const bench = await openConsole(t);
  const ids: string[] = [];
  for (const name of names)
    ids.push(await bench.launch(GENERATOR, name, streamInto(join(bench.folder, name), 500)));
  for (const id of ids) await bench.until(id, 'RUNNING');
  return { ...bench, ids };
}

const readOf = async (page: Page): Promise<number> =>
  Number((await page.locator('.figures dd').first().textContent())?.replaceAll(',', ''));

/** Resolves once the counter is beyond a number, in the page as it is open. */
async function readBeyond(page: Page, number: number): Promise<void> {
  const endMs = Date.now() + 60_000;
  while ((await readOf(page)) <= number) {
    if (Date.now() > endMs) throw new Error(`the page still shows ${number} read`);
    await page.waitForTimeout(100);
  }
}

test('who has a streaming job open sees it count, drains it, and sees it end; another one is cancelled', {
  skip,
}, async t => {
  const { url, ids, folder, service } = await stream(t, 'flowing', 'unwanted');
  const [flowing = '', unwanted = ''] = ids;
  const page = await openPage(t, { url });
  await page.goto('/jobs');
  const row = page.locator(`#job-${unwanted}`);
  await row.getByText('RUNNING').waitFor();
  await row.locator('td:nth-child(7)', { hasText: /^[1-9][\d,]{2,}$/ }).waitFor();
  await assertAccessible(page);
  // The list is left open while the other one is cancelled elsewhere.
  const other = await page.context().newPage();
  await other.goto(`/jobs/${unwanted}`);
  await other.getByRole('link', { name: 'Cancel …' }).click();
  await other.getByText('To lose nothing, drain it instead.').waitFor();
  await assertAccessible(other);
  await other.getByRole('button', { name: 'Cancel the job' }).click();
  await other.waitForURL(`**/jobs/${unwanted}`);
  await other.getByText('CANCELLED', { exact: true }).waitFor();
  await other.close();
  await row.getByText('CANCELLED').waitFor();

  await page.getByRole('link', { name: 'flowing' }).click();
  await page.evaluate('window.isStillThis = true');
  await readBeyond(page, await readOf(page));
  await readBeyond(page, await readOf(page));
  assert.match((await page.locator('[data-line="Generate>Window"]').textContent()) ?? '', /^[\d,]+$/);
  await page.locator('[data-chart="rate"] canvas').waitFor();
  await assertAccessible(page);
  assert.equal(await page.evaluate('window.isStillThis'), true);

  await page.getByRole('link', { name: 'Drain …' }).click();
  await page.getByText('it ends as DRAINED').waitFor();
  await page.getByRole('button', { name: 'Drain' }).click();
  await page.waitForURL(`**/jobs/${flowing}`);
  await page.evaluate('window.isStillThis = true');
  await page.getByText('DRAINED', { exact: true }).waitFor();
  assert.equal(await page.evaluate('window.isStillThis'), true);
  const { result } = service.store.jobs.require(flowing);
  assert.equal(await readOf(page), result?.elements.read);
  assert.equal(result?.elements.written, result?.elements.read);
  assert.ok(readdirSync(join(folder, 'flowing')).length > 0);
  assert.equal(await page.getByRole('link', { name: 'Drain …' }).count(), 0);
  for (const tab of ['Messages', 'Parameters', 'Workers']) {
    await page.getByRole('link', { name: tab, exact: true }).click();
    await page.waitForURL(`**?tab=${tab.toLowerCase()}`);
    await assertAccessible(page);
  }
});

test('without scripts a job is looked at and drained', { skip }, async t => {
  const { url, ids, until } = await stream(t, 'plain');
  const [id = ''] = ids;
  const page = await openPage(t, { url, runsScripts: false });
  await page.goto(`/jobs/${id}`);
  await page.getByRole('link', { name: 'Drain …' }).click();
  await page.getByRole('button', { name: 'Drain' }).click();
  await until(id, 'DRAINED');
  await page.goto(`/jobs/${id}`);
  await page.getByText('DRAINED', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'Messages' }).click();
  await page.getByRole('searchbox').fill('drained');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL('**words=drained*');
});

test('messages come to the page while it is open, and the search stays as it is', { skip }, async t => {
  const { url, service } = await openConsole(t, { maxJobs: 0 });
  const { jobs, messages } = service.store;
  const record = aRecord({ state: 'RUNNING', streaming: true });
  jobs.insert(record);
  const say = (text: string) =>
    messages.add([{ jobId: record.id, time: Date.now(), severity: 'INFO', text }]);
  say('the first word');
  const page = await openPage(t, { url });
  await page.goto(`/jobs/${record.id}?tab=messages`);
  await page.getByRole('searchbox').pressSequentially('word');
  await page.waitForURL('**words=word');
  say(`another word ${HOSTILE}`);
  say('nothing of that');
  await page.getByText(`another word ${HOSTILE}`).waitFor();
  assert.equal(await page.locator('td.message').count(), 2);
  assert.equal(await page.getByRole('searchbox').inputValue(), 'word');
  assert.match(page.url(), /words=word$/);
});

test('the page of a fast job that is left open does not grow', { skip }, async t => {
  const { url, ids } = await stream(t, 'fast');
  const page = await openPage(t, { url });
  await page.goto(`/jobs/${ids[0]}`);
  await page.locator('[data-chart="rate"] canvas').waitFor();
  const nodes = async () => Number(await page.evaluate('document.querySelectorAll("*").length'));
  const swapped = async (times: number) => {
    for (let i = 0; i < times; i++) await readBeyond(page, await readOf(page));
  };
  await swapped(3);
  const before = await nodes();
  await swapped(12);
  const grown = (await nodes()) - before;
  t.diagnostic(`${before} nodes, and ${grown} more after a dozen of news`);
  // The table has a row of five more nodes with each point, twenty at most.
  assert.ok(grown <= 40, `${grown} nodes more`);
});

/** Keeps the charts that a page makes where a test finds them. */
const KEEP_PLOTS = `window.plots = [];
let made;
Object.defineProperty(window, 'uPlot', {
  get: () => made,
  set(given) {
    made = new Proxy(given, {
      construct(target, args) {
        const plot = Reflect.construct(target, args);
        window.plots.push(plot);
        return plot;
      },
    });
  },
});`;

test('a chart that is left open has no more points after hours than the server keeps', { skip }, async t => {
  const { url, ids } = await stream(t, 'charted');
  const page = await openPage(t, { url });
  await page.addInitScript(KEEP_PLOTS);
  await page.clock.install();
  const KEPT = 700;
  const asked: number[] = [];
  let last = 0;
  await page.route('**/history?*', route => {
    const after = Number(new URL(route.request().url()).searchParams.get('after'));
    asked.push(after);
    last += 5000;
    const count = after === 0 ? KEPT : 1;
    const points = Array.from({ length: count }, (_, i) => {
      const time = 1e12 + last - (count - 1 - i) * 5000;
      return { time, read: time / 1e6, written: 0, deadLettered: 0, lagMs: 1 };
    });
    return route.fulfill({ json: { points } });
  });
  await page.goto(`/jobs/${ids[0]}`);
  await page.locator('[data-chart="rate"] canvas').waitFor();
  const drawn = async () =>
    Number(await page.evaluate('Math.max(...window.plots.map(p => p.data[0].length))'));
  assert.equal(await drawn(), KEPT);
  let most = 0;
  while (asked.filter(after => after === 0).length < 3) {
    const answered = page.waitForResponse('**/history?*');
    await page.clock.runFor(5000);
    await answered;
    most = Math.max(most, await drawn());
  }
  t.diagnostic(`${most} points at most, asked for ${asked.length} times`);
  assert.ok(asked.length > 200);
  assert.ok(most > KEPT && most <= KEPT + 120, String(most));
  assert.equal(await page.evaluate('window.plots.length'), 2);
});

test('what changes is sent as it changes, and no more once the job has ended', async t => {
  const { url, ids, submit, until } = await stream(t, 'told');
  const [id = ''] = ids;
  const live = await fetch(`${url}/jobs/${id}/live`);
  await submit(`/jobs/${id}/stop`, { how: 'drain' });
  await until(id, 'DRAINED');
  // The server ends it.
  const parts = (await live.text()).split('\n\n').filter(Boolean);
  assert.match(parts[0] ?? '', /^data: .*[\s\S]*RUNNING/);
  assert.match(parts.at(-2) ?? '', /DRAINED/);
  assert.equal(parts.at(-1), 'event: end\ndata: end');
});
