import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { missing } from '../services/index.ts';
import { atEnd } from './at-end.ts';
import { assertAccessible, browser } from './browser.ts';

const openPage = browser();
const skip = missing('chromium');

/** A page that the policy of the console is in force for. */
async function showing(t: TestContext, html: string): Promise<string> {
  const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";
  const server = createServer(({ url }, response) => {
    if (url === '/script.js') return response.end('undefinedName()');
    response.setHeader('content-type', 'text/html').setHeader('content-security-policy', policy);
    response.end(
      `<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>${html}</main></html>`,
    );
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What the end of a test that has opened this page throws. */
async function faultsOf(t: TestContext, html: string, allowed: RegExp[] = []): Promise<unknown> {
  const hooks: (() => unknown)[] = [];
  const inner = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext;
  const url = await showing(t, html);
  const page = await openPage(inner, { url, allowed });
  await page.goto('/', { waitUntil: 'networkidle' });
  try {
    for (const each of hooks) await each();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a test fails with what its page complains of', { skip }, async t => {
  assert.equal(
    await faultsOf(t, '<p>Hello</p><link rel="icon" href="data:,">', [/img-src|data:,/]),
    undefined,
  );
  const inline = await faultsOf(t, '<script>document.title = "x"</script>');
  assert.match(String(inline), /against the policy: script-src-elem inline/);
  assert.match(
    String(await faultsOf(t, '<script src="/script.js"></script>')),
    /undefinedName is not defined/,
  );
  assert.equal(await faultsOf(t, '<script>1</script>', [/policy/i]), undefined);
});

test('a page that some cannot use is told with the elements at fault', { skip }, async t => {
  const page = await openPage(t, { url: await showing(t, '<button></button>'), allowed: [/policy/i] });
  await page.goto('/');
  await assert.rejects(assertAccessible(page), /button-name: .*\n.*<button><\/button>/s);
});
