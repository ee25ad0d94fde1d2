import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { consoleOf } from '../../src/console/console.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { missing } from '../services/index.ts';

const openPage = browser();

const HOSTILE = `</script></pre><script>hit=1</script><img src=x onerror="hit=1"><a href="javascript:hit=1">'"\`{{hit}}`;

/** A job over lines that would do harm in a page, some of which fail with an error that would too. */
async function withHostileJob(t: TestContext): Promise<{ server: TestServer; jobId: string }> {
  const server = await startServer(t, { pages: consoleOf, maxJobs: 1 });
  const bucket = join(server.home, 'cloud/gs/bucket');
  await mkdir(bucket, { recursive: true });
  const lines = Array.from({ length: 40 }, (_, number) => JSON.stringify({ number, text: HOSTILE }));
  await writeFile(join(bucket, 'in.txt'), `${lines.join('\n')}\n`);
  const code = `function pass(line) {
  if (JSON.parse(line).number % 2) throw new Error(line);
  return line;
}`;
  await mkdir(join(server.home, 'udfs/pass'), { recursive: true });
  await writeFile(join(server.home, 'udfs/pass/pass.js'), code);
  const launched = await server.post('/v1b3/projects/local/locations/us-central1/flexTemplates:launch', {
    launchParameter: {
      jobName: 'hostile',
      containerSpecGcsPath: 'GCS_Text_to_GCS_Text',
      parameters: {
        inputFilePattern: 'gs://bucket/in.txt',
        outputDirectory: 'gs://bucket/out/',
        outputFilenamePrefix: '<img src=x onerror=hit=1>',
        javascriptTextTransformGcsPath: 'udf://pass',
        javascriptTextTransformFunctionName: 'pass',
      },
    },
  });
  assert.equal(launched.status, 200, launched.text);
  const jobId = launched.body.job.id;
  while ((await server.get(`/api/jobs/${jobId}`)).body.state !== 'DONE') await sleep(100);
  return { server, jobId };
}

/** One address for all that differ only in what they show. */
function kindOf({ pathname, searchParams }: URL): string {
  const path = pathname
    .replace(/^\/(templates|jobs|functions)\/[^/]+/, '/$1/:id')
    .replace(/\/\d+$/, '/:number');
  return `${path}?${[...searchParams.keys()].sort().join('&')}${searchParams.get('tab') ?? ''}`;
}

const MAX_PAGES = 40;

test('every page that links lead to is accessible, and what data say is text in all of them', {
  skip: missing('chromium'),
  timeout: 600_000,
}, async t => {
  const { server, jobId } = await withHostileJob(t);
  const page = await openPage(t, { url: server.url });
  const seen = new Set<string>();
  const waiting = ['/', `/jobs/${jobId}`, `/jobs/${jobId}/dead-letters`, '/templates/GCS_Text_to_GCS_Text'];
  let shown = 0;
  for (let path = waiting.shift(); path !== undefined && shown < MAX_PAGES; path = waiting.shift()) {
    const kind = kindOf(new URL(path, server.url));
    if (seen.has(kind)) continue;
    seen.add(kind);
    const response = await page.goto(path);
    assert.equal(response?.status(), 200, path);
    await assertAccessible(page);
    assert.equal(await page.evaluate('globalThis.hit'), undefined, `${path} runs what its data say`);
    const links = await page.locator('main a[href^="/"]:not([download]), nav a[href^="/"]').all();
    for (const link of links) {
      const href = (await link.getAttribute('href')) ?? '';
      if (!/^\/(?:metrics|reference|api|assets)\b|download/.test(href)) waiting.push(href);
    }
    shown++;
  }
  t.diagnostic(`${shown} kinds of pages: ${[...seen].join(' ')}`);
  for (const kind of ['/jobs/:id', '/jobs/:id/dead-letters', '/templates/:id/launch', '/system/audit'])
    assert.ok(
      [...seen].some(each => each.startsWith(`${kind}?`)),
      `no link leads to ${kind}`,
    );
});
