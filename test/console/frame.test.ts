import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleOf } from '../../src/console/console.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { startServer } from '../helpers/server.ts';
import { missing } from '../services/index.ts';

const openPage = browser();

test('the frame is the same on every page, light and dark', { skip: missing('chromium') }, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url });
  await page.goto('/');
  assert.equal(await page.title(), 'Templates – Sluice');
  await assertAccessible(page);
});
