/**
 * `npm run screenshots [PAGE…]`: every page of the console as a picture, light and dark, on a telephone, a laptop and a
 * large screen, with real jobs in it. They are written to docs/screenshots/.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { newContext, startBrowser } from '../test/helpers/browser.ts';
import { chromiumPath } from '../test/services/chromium.ts';
import type { Lifetime } from '../test/services/service.ts';
import { startDemo } from './screenshots/demo.ts';

const folder = join(import.meta.dirname, '../docs/screenshots');
/** Of a laptop what is seen first, of the others all of a page. */
const SIZES = [
  { width: 360, height: 740, fullPage: true },
  { width: 1280, height: 800, fullPage: false },
  { width: 2560, height: 1440, fullPage: true },
];
/** For what a page draws after it has come: charts, live values. */
const SETTLING_MS = 1500;

if (!chromiumPath()) {
  process.stderr.write('There is no Chromium here: npm run services install chromium\n');
  process.exit(1);
}
const cleanups: (() => unknown)[] = [];
const lifetime: Lifetime = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
// What is stopped by hand leaves no job behind either.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));
try {
  process.exitCode = await takeAll(process.argv.slice(2));
} finally {
  await cleanUp();
}

async function cleanUp(): Promise<void> {
  for (let each = cleanups.pop(); each; each = cleanups.pop()) await each();
}

/** Gives the status to end with. */
async function takeAll(chosen: readonly string[]): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const { url, pages } = await startDemo(lifetime);
  const browser = await startBrowser(lifetime);
  const asked = Object.entries(pages).filter(([name]) => chosen.length === 0 || chosen.includes(name));
  const missing = new Set<string>();
  for (const { fullPage, ...size } of SIZES)
    for (const isDark of [false, true]) {
      const context = await newContext(browser, { url, ...size, isDark });
      const page = await context.newPage();
      for (const [name, path] of asked) {
        const file = join(folder, `${name}-${size.width}-${isDark ? 'dark' : 'light'}.png`);
        if (!(await take(page, path, { path: file, fullPage }))) missing.add(name);
      }
      await context.close();
    }
  for (const name of missing) process.stderr.write(`${name}: ${pages[name]} could not be shown\n`);
  return missing.size > 0 ? 1 : 0;
}

async function take(
  page: Page,
  path: string,
  options: { path: string; fullPage: boolean },
): Promise<boolean> {
  const response = await page.goto(path);
  await page.waitForTimeout(SETTLING_MS);
  await page.screenshot(options);
  // A page that says that something is not there is one too.
  return (response?.status() ?? 500) < 500;
}
