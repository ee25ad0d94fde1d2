/** The files that pages load: our own, and those of the packages they come with. They say nothing of any job. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import { VERSION } from '../program.ts';

/** Another version of Sluice has other files: browsers may keep these. */
export const assetsPath = `/assets/${VERSION}`;

const own = fileURLToPath(new URL('./assets', import.meta.url));

export function assets(): Router {
  const router = Router();
  const find = createRequire(import.meta.url).resolve;
  const htmx = dirname(find('htmx.org/dist/htmx.min.js'));
  const files: Record<string, string> = {
    'uplot.min.js': find('uplot/dist/uPlot.iife.min.js'),
    'uplot.min.css': find('uplot/dist/uPlot.min.css'),
  };
  const kept = { immutable: true, maxAge: '30d' } as const;
  // In one file: htmx may look at a page before a second script has taught it to listen to streams.
  const scripts = [join(htmx, 'htmx.min.js'), join(htmx, 'ext/hx-sse.min.js')];
  const script = scripts.map(path => readFileSync(path, 'utf8')).join('\n;\n');
  router.get(`${assetsPath}/htmx.js`, (_, response) => {
    response.set('cache-control', 'public, max-age=2592000, immutable').type('text/javascript').send(script);
  });
  for (const [name, path] of Object.entries(files))
    router.get(`${assetsPath}/${name}`, (_, response) => response.sendFile(path, kept));
  router.use(assetsPath, express.static(own, { ...kept, index: false, redirect: false }));
  return router;
}
