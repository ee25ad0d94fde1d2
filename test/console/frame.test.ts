import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleOf } from '../../src/console/console.ts';
import { pages } from '../../src/console/pages/index.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { startServer } from '../helpers/server.ts';
import { missing } from '../services/index.ts';

const openPage = browser();
const skip = missing('chromium');
const accept = { accept: 'text/html,application/xhtml+xml' };

test('what is no page is told as one to browsers, and as JSON to programs', async t => {
  const { get } = await startServer(t, { pages: consoleOf });
  const page = await get('/nowhere/%3Cb%3E', { headers: accept });
  assert.equal(page.status, 404);
  assert.match(page.text, /<title>[^<]+ – Sluice<\/title>[\s\S]*There is no page \/nowhere\/%3Cb%3E\./);
  for (const path of ['/api/nowhere', '/v1b3/nowhere', '/nowhere']) {
    const { status, body } = await get(path, { headers: path === '/nowhere' ? {} : accept });
    assert.deepEqual([status, body.error.code], [404, 404], path);
  }
  assert.equal((await get('/api/jobs', { headers: accept })).body.jobs.length, 0);
});

test('every page has a title, a policy that allows only what is ours, and is kept nowhere', async t => {
  const { fetch } = await startServer(t, { pages: consoleOf });
  for (const { path, method } of pages) {
    if (method !== 'get' || path.includes(':')) continue;
    const response = await fetch(path, { headers: accept });
    const { status, headers } = response;
    if (headers.get('content-type')?.startsWith('text/html') !== true) {
      await response.body?.cancel();
      continue;
    }
    const text = await response.text();
    assert.equal(status, 200, path);
    assert.match(text, /<title>[^<]+ – Sluice<\/title>/, path);
    assert.match(text, /<h1[ >]/, path);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none';script-src 'self';/);
    assert.equal(headers.get('cache-control'), 'no-store', path);
    assert.doesNotMatch(text, / style="| on[a-z]+="|<script(?! src="\/assets\/)/, path);
  }
});

test('a server without tokens acts for this machine only, whatever name and origin a page of others gives', async t => {
  const { fetch, url } = await startServer(t, { pages: consoleOf });
  const post = (headers: Record<string, string>) =>
    fetch('/system/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: 'name=&role=',
    });
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of foreign) {
    const refused = await post(headers);
    assert.equal(refused.status, 403);
    assert.match(await refused.text(), /Pages of other origins may not change anything here/);
  }
  assert.equal((await post({ origin: url, 'sec-fetch-site': 'same-origin' })).status, 400);
});

test('scripts and styles are kept by browsers, and nothing beside them is served', async t => {
  const { get } = await startServer(t, { pages: consoleOf });
  const { text } = await get('/templates');
  const assets = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  assert.ok(assets.length >= 4);
  for (const path of assets) {
    const { status, headers } = await get(path);
    assert.equal(status, 200, path);
    assert.match(headers.get('cache-control') ?? '', /immutable/);
  }
  const [folder = ''] = assets.map(path => path.replace(/[^/]+$/, ''));
  for (const path of ['', '../console.ts', '..%2fconsole.ts', '%2e%2e/views/login.hbs', 'nothing.js'])
    assert.equal((await get(folder + path)).status, 404, path);
});

test('the frame is used by keyboard: straight to the content, from page to page', { skip }, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url });
  await page.goto('/');
  assert.equal(await page.title(), 'Templates – Sluice');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate('document.activeElement.id'), 'main');
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'System' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/system');
  assert.equal(await page.locator('nav a[aria-current="page"]').textContent(), 'System');
});

test('light and dark are chosen, and kept', { skip }, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url });
  const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  await page.goto('/templates');
  const light = await background();
  await page.getByRole('button', { name: 'Light or dark' }).click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await background(), dark);
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
});

test('no page is wider than a telephone, and an error is told in the frame', { skip }, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url, width: 360, height: 740, allowed: [/status of 404/] });
  const paths = [
    '/templates',
    '/templates/Game_Leaderboard',
    '/templates/Kafka_to_BigQuery/launch',
    '/jobs',
    '/system',
    '/nowhere',
  ];
  for (const path of paths) {
    await page.goto(path);
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    assert.ok(Number(overflow) <= 0, `${path} is ${overflow} pixels too wide`);
  }
  await assertAccessible(page);
});
