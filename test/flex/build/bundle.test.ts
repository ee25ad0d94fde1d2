import assert from 'node:assert/strict';
import { realpath } from 'node:fs/promises';
import { extname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bundled } from '../../../src/flex/build/bundle.ts';
import { fatesOf } from '../../../src/udf/fates.ts';
import { defaultLimits } from '../../../src/udf/limits.ts';
import { openPool } from '../../../src/udf/pool.ts';
import { writeFiles } from '../../helpers/flex.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const packages = {
  'node_modules/slug/package.json': '{"name": "slug", "main": "index.js"}',
  'node_modules/slug/index.js': "module.exports = text => text.toLowerCase().replaceAll(' ', '-');",
  'node_modules/loud/package.json': '{"name": "loud", "type": "module", "exports": "./loud.js"}',
  'node_modules/loud/loud.js': "export default text => text.toUpperCase() + '!';",
};

async function folderOf(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await realpath(await temporaryFolder(t));
  await writeFiles(folder, { ...packages, ...files });
  return folder;
}

async function resultOf(file: string, source: string, name: string): Promise<string> {
  const pool = await openPool({
    scripts: [{ name: file, source, module: extname(file) === '.mjs' }],
    function: name,
    limits: defaultLimits,
    rows: false,
    stage: 'test',
    slots: 1,
  });
  try {
    const [fate] = await fatesOf(pool, [Buffer.from('Hello World')], [{}]);
    return fate?.status === 'output' ? fate.payload : JSON.stringify(fate);
  } finally {
    await pool.close();
  }
}

const FUNCTIONS: Record<string, [file: string, source: string, output: string]> = {
  'a script that requires': [
    'a.js',
    "const slug = require('slug'); function run(text) { return slug(text); }",
    'hello-world',
  ],
  'a script that imports': [
    'a.js',
    "import loud from 'loud'; import slug from 'slug'; const run = text => loud(slug(text));",
    'HELLO-WORLD!',
  ],
  'a script that exports': ['a.js', 'export const run = text => text.length + 1 + "";', '12'],
  'an export of another name': [
    'a.js',
    "import loud from 'loud'; const inner = text => loud(text); export { inner as run };",
    'HELLO WORLD!',
  ],
  'exports of CommonJS': ['a.js', "exports.run = text => require('slug')(text);", 'hello-world'],
  'a function that is the whole export': [
    'a.js',
    "module.exports = function run(text) { return require('./b.js').b + text; };",
    'b: Hello World',
  ],
  'a module that imports': [
    'a.mjs',
    "import loud from 'loud'; export function run(text) { return loud(text); }",
    'HELLO WORLD!',
  ],
};

for (const [what, [file, source, output]] of Object.entries(FUNCTIONS))
  test(`${what}: its function is found by its name, with what it imports`, async t => {
    const folder = await folderOf(t, { [`udfs/${file}`]: source, 'udfs/b.js': "exports.b = 'b: ';" });
    const text = await bundled(folder, `udfs/${file}`);
    assert.equal(await resultOf(file, text, 'run'), output);
    assert.ok(!text.includes(folder), 'where it was made is not in it');
  });

test('what imports nothing is packed as it is', async t => {
  const script = '/* mine */ function run (text) {   return text }\n';
  const module = 'export const run = text => text;\n';
  const folder = await folderOf(t, { 'a.js': `\uFEFF${script}`, 'a.mjs': module });
  assert.equal(await bundled(folder, 'a.js'), script);
  assert.equal(await bundled(folder, 'a.mjs'), module);
});

test('the same files give the same text in another folder, whatever lies around', async t => {
  const files = { 'udfs/a.js': "import loud from 'loud'; const run = text => loud(text);" };
  const one = await folderOf(t, files);
  const other = await folderOf(t, { ...files, 'tsconfig.json': '{"compilerOptions": {"target": "es5"}}' });
  assert.equal(await bundled(one, 'udfs/a.js'), await bundled(other, 'udfs/a.js'));
});

const FAULTS: Record<string, [source: string, code: string, message: RegExp]> = {
  'a package that is not installed': [
    "function run() {}\nconst x = require('missing');",
    'UDF_PACKAGE_MISSING',
    /^a\.js:2:19: it imports missing, which is not there: run `npm install` in \//,
  ],
  'a module of Node': [
    "import { readFileSync } from 'node:fs';",
    'UDF_PACKAGE_MISSING',
    /^a\.js:1:30: it imports node:fs, a module of Node, which a function does not have$/,
  ],
  'a script that does not parse': ['function run( {', 'UDF_SYNTAX', /^a\.js:1:16: /],
  'a file outside of the folder': [
    "import '../outside.js';",
    'UDF_PACKAGE_MISSING',
    /^a\.js needs \/.*\/outside\.js, which lies outside of \//,
  ],
};

for (const [what, [source, code, message]] of Object.entries(FAULTS))
  test(`refused by its place: ${what}`, async t => {
    const folder = await folderOf(t, { 'outside.js': 'globalThis.x = 1;', 'in/a.js': source });
    await assert.rejects(bundled(`${folder}/in`, 'a.js'), { code, message });
  });
