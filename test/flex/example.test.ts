import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const textOf = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

test('the example that the page on images shows is the one that is tested', async () => {
  const page = await textOf('docs/flex-images.md');
  const shown = { python: 'words.py', dockerfile: 'Dockerfile' };
  for (const [language, file] of Object.entries(shown))
    assert.ok(
      page.includes(`\`\`\`${language}\n${await textOf(`examples/flex-words/${file}`)}\`\`\`\n`),
      file,
    );
});
