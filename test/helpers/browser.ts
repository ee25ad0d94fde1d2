/** A real browser, headless, as a user has it: whatever goes wrong in a page fails the test that opened it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumPath } from '../services/chromium.ts';
import { type Lifetime, shared } from '../services/service.ts';
import { atEnd } from './at-end.ts';

export interface PageOptions {
  /** Of the server: `page.goto('/jobs')` is enough then. */
  url: string;
  /** In pixels, default 1280. */
  width?: number;
  height?: number;
  /** Default light. */
  isDark?: boolean;
  /** False: pages are used as by a browser that runs no script. */
  runsScripts?: boolean;
  /** What the browser may complain of in this test, such as `/status of 404/`. */
  allowed?: readonly RegExp[];
}

export type OpenPage = (t: TestContext, options: PageOptions) => Promise<Page>;

/** The machine is shared, and Chromium is heavy: nothing is late before this. */
const PATIENCE_MS = 60_000;

/**
 * One Chromium for all tests of a file, started when the first of them opens a page. To be called at the head of the
 * file; tests say `skip: missing('chromium')`.
 */
export function browser(): OpenPage {
  const started = shared(startBrowser);
  return async (t, options) => {
    const context = await newContext(await started(), options);
    atEnd(t, () => context.close());
    const page = await context.newPage();
    const faults = faultsOf(context, options.allowed);
    t.after(() => assert.deepEqual(faults, [], 'the browser complains'));
    return page;
  };
}

/** Chromium as long as something lives. */
export async function startBrowser(t: Lifetime): Promise<Browser> {
  const started = await chromium.launch({
    executablePath: chromiumPath(),
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
    timeout: PATIENCE_MS,
  });
  atEnd(t, () => started.close());
  return started;
}

/** Cookies, cache and size of one user. */
export async function newContext(
  started: Browser,
  { url, width = 1280, height = 900, isDark = false, runsScripts = true }: PageOptions,
): Promise<BrowserContext> {
  const context = await started.newContext({
    baseURL: url,
    viewport: { width, height },
    colorScheme: isDark ? 'dark' : 'light',
    javaScriptEnabled: runsScripts,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.addInitScript(
    `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
      console.error('against the policy:', violatedDirective, blockedURI, sample))`,
  );
  return context;
}

/** Collects what goes wrong: scripts that throw, what is against the policy, what could not be loaded. */
function faultsOf(context: BrowserContext, allowed: readonly RegExp[] = []): string[] {
  const faults: string[] = [];
  const note = (fault: string) => {
    if (!allowed.some(each => each.test(fault))) faults.push(fault);
  };
  context.on('console', message => {
    if (['error', 'warning'].includes(message.type()))
      note(`${message.text()} (${message.location().url || message.page()?.url()})`);
  });
  context.on('weberror', error => note(`thrown: ${error.error().stack ?? error.error()}`));
  context.on('requestfailed', request => {
    const why = request.failure()?.errorText;
    // What is still loading when a page is left is not waited for.
    if (why !== 'net::ERR_ABORTED') note(`not loaded: ${request.url()}: ${why}`);
  });
  return faults;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Asserts that axe finds no serious or critical violation in the page as it is now, light and dark. */
export async function assertAccessible(page: Page): Promise<void> {
  // By the protocol, and not as a script of the page: its policy allows none.
  await page.evaluate(axeSource);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations }: AxeResults = await page.evaluate('axe.run(document, { preload: false })');
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const told = grave.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join('\n')}`,
    );
    assert.equal(told.join('\n'), '', `${page.url()} (${colorScheme}) is not accessible`);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
