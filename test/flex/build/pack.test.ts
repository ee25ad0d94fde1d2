import assert from 'node:assert/strict';
import { mkdir, readFile, realpath, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../src/config.ts';
import { checkScripts } from '../../../src/flex/build/check.ts';
import { contextOf } from '../../../src/flex/build/context.ts';
import { dockerfileOf } from '../../../src/flex/build/dockerfile.ts';
import { packTemplate } from '../../../src/flex/build/pack.ts';
import { withScripts } from '../../../src/flex/own-scripts.ts';
import { flexExample, writeFiles } from '../../helpers/flex.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const configIn = async (t: TestContext) => loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
const base = { name: 'base:1', user: '65532:65532' };
const silent = { cases: true, tell: () => {} };

/** A template that names its scripts in all the ways there are. */
const NAMING = `id: Naming
title: Naming
category: BATCH
streaming: false
description: Names scripts.
parameters:
  type: object
  properties:
    udf: {type: string, format: javascript-udf, title: UDF, description: A function., default: ./a.js}
pipeline:
  type: chain
  transforms:
    - {type: Create, config: {elements: [{path: udfs/b.js}]}}
    - {type: JavaScriptUdf, config: {path: "{{udf}}", function: a}}
    - {type: JavaScriptUdf, name: B, config: {path: udfs/b.js, function: b}}
    - {type: JavaScriptUdf, name: C, config: {path: "udf://aviation", function: aviation}}
    - {type: WriteToText, config: {path: ./out}}
`;
const naming = {
  'template.yaml': NAMING,
  'a.js': 'const a = text => text;',
  'udfs/b.js': 'const b = text => text;',
  'udfs/deep/c.mjs': 'export const c = text => text;',
};

test('a folder is packed with its groups, and its functions with the packages that they import', async t => {
  const folder = await flexExample(t);
  const packed = await packTemplate(await configIn(t), folder);
  assert.equal(packed.folder, await realpath(folder));
  assert.equal(packed.template.id, 'Correct_Places');
  assert.deepEqual(
    [...packed.files.keys()],
    ['template.yaml', 'groups/dead-letter.yaml', 'udfs/places/places.js'],
  );
  assert.match(packed.files.get('udfs/places/places.js') ?? '', /node_modules\/fastest-levenshtein/);
  const told: string[] = [];
  await checkScripts(packed, { cases: true, tell: line => void told.push(line) });
  assert.deepEqual(told, ['udfs/places/places.js: 4 cases pass']);
});

test('a template of the catalog is packed by its id or alias', async t => {
  const packed = await packTemplate(await configIn(t), 'GCS_Text_to_GCS_Text');
  assert.equal(packed.folder, undefined);
  assert.deepEqual(
    [...packed.files.keys()],
    ['template.yaml', 'groups/javascript-udf.yaml', 'groups/dead-letter.yaml'],
  );
});

test('scripts are packed that the template names, by default or in its pipeline, and all below udfs/', async t => {
  const folder = await temporaryFolder(t);
  await writeFiles(folder, naming);
  const packed = await packTemplate(await configIn(t), folder);
  assert.deepEqual(
    packed.scripts.map(({ file }) => file),
    ['library/aviation.js', 'a.js', 'udfs/b.js', 'udfs/deep/c.mjs'],
  );
  const found = withScripts(packed.template, named => `<${named}>`);
  assert.equal(found.parameters.properties.udf?.default, '<./a.js>');
  const pipeline = JSON.stringify(
    found.pipeline?.({ parameters: { udf: 'a.js' }, job: { id: '1', directory: '/' } }),
  );
  assert.match(pipeline, /"path":"<a.js>".*"path":"<udfs\/b.js>".*"path":"<udf:\/\/aviation>"/);
  assert.match(pipeline, /"elements":\[{"path":"udfs\/b.js"}\]/, 'data stays data');
});

test('the build context is the same to the byte whenever the files are, however old they are', async t => {
  const config = await configIn(t);
  const contexts: Buffer[] = [];
  for (const seconds of [1, 1_000_000]) {
    const folder = await flexExample(t);
    await writeFiles(folder, { 'Dockerfile.hbs': 'COPY extra.txt /extra.txt', 'extra.txt': 'more' });
    for (const file of ['template.yaml', 'extra.txt', '.'])
      await utimes(join(folder, file), seconds, seconds);
    const packed = await packTemplate(config, folder);
    contexts.push(await buffer(await contextOf(packed, await dockerfileOf(packed, 'places:1', base))));
  }
  assert.ok(contexts[0]?.equals(contexts[1] ?? Buffer.of()));
});

test('the context has the folder only where lines of the user may copy from it, and nothing hidden or linked', async t => {
  const config = await configIn(t);
  const folder = await flexExample(t);
  await writeFiles(folder, { 'extra.txt': 'more', '.env': 'PASSWORD=1' });
  await symlink('/etc/passwd', join(folder, 'link.txt'));
  const contextText = async () => {
    const packed = await packTemplate(config, folder);
    return (await buffer(await contextOf(packed, ''))).toString('latin1');
  };
  assert.doesNotMatch(await contextText(), /extra\.txt/);
  await writeFile(join(folder, 'Dockerfile.hbs'), '');
  const text = await contextText();
  assert.match(text, /extra\.txt/);
  assert.doesNotMatch(text, /\.env|PASSWORD|link\.txt|node_modules\/fast[^\n]*\0/);
});

test('the lines of the user come between the base and the template, and are run by root', async t => {
  const folder = await flexExample(t);
  await writeFiles(folder, {
    'Dockerfile.hbs': 'RUN echo "{{template.id}} on {{base}}: {{template.title}}" > /built\n',
    'template.yaml': (await readFile(join(folder, 'template.yaml'), 'utf8')).replace(
      /^title: .*$/m,
      () => 'title: "One\\nRUN rm -rf / $HOME \\"two\\""',
    ),
  });
  const packed = await packTemplate(await configIn(t), folder);
  const lines = (await dockerfileOf(packed, 'registry.test/places:3', base)).split('\n');
  assert.deepEqual(lines.slice(0, 5), [
    'FROM base:1',
    'USER 0:0',
    'RUN echo "Correct_Places on base:1: One RUN rm -rf / $HOME "two"" > /built',
    'USER 65532:65532',
    'COPY .sluice/root/ /',
  ]);
  assert.match(
    lines[5] ?? '',
    /^LABEL org\.opencontainers\.image\.title="One RUN rm -rf \/ \\\$HOME \\"two\\"" /,
  );
  assert.match(lines[5] ?? '', /image\.version="1\.0\.0" .* sluice\.template="\/template\/template\.yaml"$/);
  assert.equal(lines.length, 7);
});

const FAULTS: Record<string, [files: Record<string, string>, code: string, message: RegExp]> = {
  'a template that is not well formed': [
    { 'template.yaml': 'id: X\n' },
    'TEMPLATE_INVALID',
    /template\.yaml:1:1: lacks the key pipeline \(and 7 more\)/,
  ],
  'a folder without one': [{ 'a.js': '' }, 'TEMPLATE_INVALID', /^there is no template\.yaml in \//],
  'a script that is not there': [
    { 'template.yaml': NAMING, 'udfs/b.js': '' },
    'TEMPLATE_INVALID',
    /^the template names the script a\.js, which is not in \//,
  ],
  'a script outside of the folder': [
    { ...naming, 'template.yaml': NAMING.replace('./a.js', '../a.js') },
    'TEMPLATE_INVALID',
    /^the template names the script \.\.\/a\.js, which is not in \//,
  ],
  'a function of the library that is not there': [
    { ...naming, 'template.yaml': NAMING.replace('udf://aviation', 'udf://nobody') },
    'UDF_NOT_FOUND',
    /^there is no UDF nobody in the library/,
  ],
  'a script that does not load': [
    { ...naming, 'a.js': "throw new Error('no');" },
    'UDF_LOAD_FAILED',
    /^a\.js:1:7: Error: no/,
  ],
  'a case that fails': [
    {
      'template.yaml': NAMING.replace('./a.js', 'udfs/b.js'),
      'udfs/b.js': naming['udfs/b.js'],
      'udfs/cases.json': '{"function": "b", "cases": [{"name": "twice", "input": "x", "output": "xx"}]}',
    },
    'TESTS_FAILED',
    /^udfs\/b\.js: the case "twice" gives x, not xx$/,
  ],
  'lines that name what is not known': [
    { ...naming, 'Dockerfile.hbs': 'RUN {{nobody}}' },
    'TEMPLATE_INVALID',
    /Dockerfile\.hbs cannot be rendered: "nobody" not defined/,
  ],
};

for (const [what, [files, code, message]] of Object.entries(FAULTS))
  test(`refused before anything is built: ${what}`, async t => {
    const folder = join(await temporaryFolder(t), 'template');
    await mkdir(folder);
    await writeFiles(folder, files);
    await writeFiles(dirname(folder), { 'a.js': '' });
    const config = await configIn(t);
    const packed = packTemplate(config, folder).then(async each => {
      await dockerfileOf(each, 'a:1', base);
      await checkScripts(each, silent);
    });
    await assert.rejects(packed, { code, message });
  });

test('what is neither a folder nor in the catalog is refused by name', async t => {
  const config = await configIn(t);
  await assert.rejects(packTemplate(config, './nowhere/'), { code: 'INPUT_NOT_FOUND' });
  await assert.rejects(packTemplate(config, 'Word_Cuont'), {
    code: 'TEMPLATE_NOT_FOUND',
    message: /Word_Count/,
  });
});
