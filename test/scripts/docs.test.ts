import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderErrorsPage } from '../../scripts/docs/errors-page.ts';
import { renderTransformsPage } from '../../scripts/docs/transforms-page.ts';
import { bundleEditor } from '../../scripts/editor.ts';
import { elementErrorKinds } from '../../src/element-errors.ts';
import { errorKinds } from '../../src/errors.ts';
import { registry } from '../../src/registry.ts';
import { installations } from '../services/index.ts';

const docs = join(import.meta.dirname, '../../docs');

test('the page of errors has a row for every code', () => {
  const page = renderErrorsPage();
  for (const code of [...Object.keys(errorKinds), ...Object.keys(elementErrorKinds)])
    assert.match(page, new RegExp(`^\\| \`${code}\` \\|`, 'm'));
  assert.match(
    page,
    /^\| `USAGE` \| 2 \| 400 \| `INVALID_ARGUMENT` \| The command was called wrongly\. \| See `sluice --help`\. \|$/m,
  );
});

test('the reference has every transform under its kind, with its config', () => {
  const page = renderTransformsPage(registry);
  for (const name of registry.keys()) assert.ok(page.includes(`\n### ${name}\n`), name);
  assert.match(page, /^\| \*\*`windowing\.type`\*\* \| `fixed`, `sliding`, `sessions`, `global` \| /m);
  assert.match(page, /^\| `level` \| .* Default: `"INFO"`\. \|$/m);
});

for (const [file, render] of [
  ['errors.md', renderErrorsPage],
  ['transforms.md', () => renderTransformsPage(registry)],
] as const) {
  test(`docs/${file} is what \`npm run docs\` writes`, async () => {
    assert.equal(await readFile(join(docs, file), 'utf8'), render());
  });
}

test('the bundle of the editor is what `npm run docs` writes, and no heavier than half a megabyte', async () => {
  const bundle = await readFile(
    join(import.meta.dirname, '../../src/console/assets/editor-bundle.js'),
    'utf8',
  );
  assert.ok(bundle === (await bundleEditor()), 'run `npm run docs` and commit what it writes');
  assert.ok(bundle.length < 500_000, `${bundle.length} bytes`);
});

test('the page of connectors tells the guarantee of every source and sink, and names every service', async () => {
  const page = await readFile(join(docs, 'connectors.md'), 'utf8');
  const rows = page.split('\n').filter(line => line.startsWith('| `'));
  const named = rows.flatMap(row =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  const components = [...registry.values()]
    .filter(({ kind }) => kind !== 'transform')
    .map(({ name }) => name);
  const services = installations.map(({ name }) => name);
  assert.deepEqual(named.sort(), [...components, ...services].sort());
});
