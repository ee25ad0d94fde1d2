import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadCatalog } from '../../src/catalog/catalog.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function addTemplate(
  folder: string,
  id: string,
  more: { head?: string; body?: string } = {},
): Promise<void> {
  const head = `id: ${id}\n${more.head ?? ''}title: Title of ${id}\ncategory: BATCH\nstreaming: false\ndescription: D\n`;
  const body = more.body ?? 'parameters: {type: object, properties: {}}\npipeline: {type: A}\n';
  await mkdir(join(folder, id), { recursive: true });
  await writeFile(join(folder, id, 'template.yaml'), head + body);
}

/** A catalog of a shipped folder and a home. */
async function folders(t: TestContext) {
  const root = await temporaryFolder(t);
  const shipped = join(root, 'shipped');
  await addTemplate(shipped, 'Files_to_Files', { head: 'aliases: [Files_to_Files_Flex]\n' });
  await addTemplate(shipped, 'Topic_to_Files');
  await mkdir(join(shipped, 'groups'));
  return { shipped, home: root, own: join(root, 'templates') };
}

test('templates are found by id and by alias', async t => {
  const { home, shipped } = await folders(t);
  const catalog = await loadCatalog({ home }, shipped);
  assert.equal((await catalog.find('Topic_to_Files')).title, 'Title of Topic_to_Files');
  assert.equal((await catalog.find('Files_to_Files_Flex')).id, 'Files_to_Files');
});

test('a name that is not there suggests the near one', async t => {
  const { home, shipped } = await folders(t);
  const catalog = await loadCatalog({ home }, shipped);
  const message = 'there is no template topic_to_file; did you mean Topic_to_Files?';
  await assert.rejects(catalog.find('topic_to_file'), { code: 'TEMPLATE_NOT_FOUND', message });
  for (const name of ['Something_else_entirely', '__proto__', '../../etc/passwd', 'groups', ''])
    await assert.rejects(catalog.find(name), {
      code: 'TEMPLATE_NOT_FOUND',
      message: `there is no template ${name}`,
    });
});

test("the user's templates come beside the shipped ones", async t => {
  const { home, own, shipped } = await folders(t);
  await addTemplate(own, 'Mine');
  const catalog = await loadCatalog({ home }, shipped);
  assert.equal((await catalog.find('Mine')).origin, 'user');
  const listed = (await catalog.list()).map(each => [each.id, each.origin, 'fault' in each]);
  assert.deepEqual(listed, [
    ['Files_to_Files', 'shipped', false],
    ['Mine', 'user', false],
    ['Topic_to_Files', 'shipped', false],
  ]);
});

test('a user may share parameters among templates in groups of their own', async t => {
  const { home, own, shipped } = await folders(t);
  await mkdir(join(own, 'groups'), { recursive: true });
  await writeFile(
    join(own, 'groups', 'mine.yaml'),
    'properties: {a: {type: string, title: A, description: A}}\n',
  );
  const body =
    'parameterGroups: [mine]\nparameters: {type: object, properties: {}}\npipeline: {type: "{{a}}"}\n';
  await addTemplate(own, 'Mine', { body });
  const { parameters } = await (await loadCatalog({ home }, shipped)).find('Mine');
  assert.deepEqual(Object.keys(parameters.properties), ['a']);
});

test("a user's template may not have the id of a shipped one", async t => {
  const { home, own, shipped } = await folders(t);
  await addTemplate(own, 'Topic_to_Files');
  const catalog = await loadCatalog({ home }, shipped);
  const file = join(own, 'Topic_to_Files', 'template.yaml');
  const message = `${file}: Topic_to_Files is the id of a template that Sluice ships; give yours another id, such as My_Topic_to_Files`;
  await assert.rejects(catalog.find('Topic_to_Files'), { code: 'TEMPLATE_INVALID', message });
  assert.equal((await catalog.find('Files_to_Files')).id, 'Files_to_Files');
  assert.deepEqual(
    (await catalog.list()).filter(each => 'fault' in each),
    [{ id: 'Topic_to_Files', file, origin: 'user', fault: message }],
  );
});

test('a broken template is listed with its fault, and does not hide the others', async t => {
  const { home, own, shipped } = await folders(t);
  await mkdir(join(own, 'Empty'), { recursive: true });
  await addTemplate(own, 'Syntax', { head: 'a: [\n' });
  const listed = await (await loadCatalog({ home }, shipped)).list();
  assert.equal(listed.length, 4);
  const faults = listed.flatMap(each => ('fault' in each ? [each.fault.replaceAll(own, '')] : []));
  assert.match(faults[0] ?? '', /^\/Empty\/template\.yaml cannot be read: ENOENT$/);
  assert.match(faults[1] ?? '', /^\/Syntax\/template\.yaml:\d+:\d+: /);
});

test('the folder of a template has its id', async t => {
  const { home, own, shipped } = await folders(t);
  await addTemplate(own, 'Mine', { head: 'aliases: [x]\n' });
  await writeFile(
    join(own, 'Mine', 'template.yaml'),
    'id: Other\ntitle: T\ncategory: BATCH\nstreaming: false\ndescription: D\nparameters: {type: object, properties: {}}\npipeline: {}\n',
  );
  await assert.rejects((await loadCatalog({ home }, shipped)).find('Mine'), {
    code: 'TEMPLATE_INVALID',
    message: `${join(own, 'Mine', 'template.yaml')}: the id is Other, but the folder Mine`,
  });
});

test('listing reads no further than the head of a file', async t => {
  const { home, own, shipped } = await folders(t);
  await addTemplate(own, 'Late', { body: 'parameters: [this is: {not yaml\n' });
  const listed = await (await loadCatalog({ home }, shipped)).list();
  assert.equal(listed.find(each => each.id === 'Late' && 'title' in each)?.id, 'Late');
});
