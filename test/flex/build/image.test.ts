import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import { type Config, loadConfig } from '../../../src/config.ts';
import { checkPipeline } from '../../../src/flex/build/check-pipeline.ts';
import { type BuiltImage, buildImage } from '../../../src/flex/build/image.ts';
import { packTemplate } from '../../../src/flex/build/pack.ts';
import { templateOfImage } from '../../../src/flex/image-template.ts';
import { readScripts } from '../../../src/udf/scripts.ts';
import { flexExample, writeFiles } from '../../helpers/flex.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const BASE = 'sluice-worker:test';

interface Terms {
  config: Config;
  client: Docker;
  folder: string;
  told: string[];
  build(name: string, options?: { noCache?: boolean; base?: string }): Promise<BuiltImage>;
}

/** The example in a folder, and an engine; `files` are put into it. */
async function prepared(t: TestContext, files: Record<string, string> = {}): Promise<Terms> {
  const { client } = await engine();
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const folder = await flexExample(t);
  await writeFiles(folder, files);
  const told: string[] = [];
  return {
    config,
    client,
    folder,
    told,
    async build(name, { noCache = false, base = BASE } = {}) {
      const packed = await packTemplate(config, folder);
      const built = await buildImage(config, client, packed, {
        name,
        base,
        noCache,
        tell: line => void told.push(line),
      });
      t.after(() => client.getImage(name).remove({ force: true }));
      return built;
    },
  };
}

/** Everything that a build may leave behind. */
async function leftBy(client: Docker): Promise<string[]> {
  const [images, containers] = await Promise.all([
    client.listImages({ all: true }),
    client.listContainers({ all: true }),
  ]);
  return [...images, ...containers].map(({ Id: id }) => id).sort();
}

/** The tar of a file, as text. */
async function fileIn(client: Docker, image: string, path: string): Promise<string> {
  const container = await client.createContainer({ Image: image });
  try {
    return (await buffer(await container.getArchive({ path }))).toString('latin1');
  } finally {
    await container.remove();
  }
}

test('the same folder, built anew, gives the same layers; labels say what it is', { skip }, async t => {
  const one = await prepared(t);
  const other = await prepared(t);
  const { layers, id } = await one.build('places:1', { noCache: true });
  assert.deepEqual(await other.build('places:2', { noCache: true }).then(each => each.layers), layers);
  const { Config: made, RootFS } = await one.client.getImage('places:1').inspect();
  const { Config: base, RootFS: below } = await one.client.getImage(BASE).inspect();
  assert.equal(RootFS.Layers?.length, (below.Layers?.length ?? 0) + 1);
  assert.deepEqual([made.User, made.Entrypoint], [base.User, base.Entrypoint]);
  const labels = Object.entries(made.Labels).filter(([name]) => base.Labels?.[name] !== made.Labels[name]);
  assert.deepEqual(Object.fromEntries(labels), {
    'org.opencontainers.image.base.name': BASE,
    'org.opencontainers.image.description':
      'Reads records, a JSON object a line, corrects the place that each names, and writes them to text files. Records whose place is like none that is known become dead letters.',
    'org.opencontainers.image.licenses': 'MIT',
    'org.opencontainers.image.title': 'Places as they are written',
    'org.opencontainers.image.version': '1.0.0',
    'sluice.template': '/template/template.yaml',
  });
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(one.told[0], `1/3  FROM ${BASE}`);
});

test('lines of the user are run by root, and may copy from the folder', { skip }, async t => {
  const { build, client, told } = await prepared(t, {
    'Dockerfile.hbs': 'COPY certificates /certificates\nRUN echo "{{template.id}}" > /made && echo hello\n',
    'certificates/ca.pem': 'a certificate',
  });
  await build('places:extended');
  assert.match(await fileIn(client, 'places:extended', '/made'), /\0Correct_Places\n/);
  assert.match(await fileIn(client, 'places:extended', '/certificates/ca.pem'), /a certificate/);
  assert.ok(told.some(line => line.trim() === 'hello'));
  const { Config: made } = await client.getImage('places:extended').inspect();
  assert.equal(made.User, '65532:65532');
});

const FAILURES: Record<string, [files: Record<string, string>, base: string, code: string, message: RegExp]> =
  {
    'a step that fails': [
      { 'Dockerfile.hbs': 'RUN echo first > /first\nRUN echo one >&2; echo two >&2; exit 3\n' },
      BASE,
      'IMAGE_BUILD_FAILED',
      /^the image places:failed cannot be built: step 4\/7, RUN echo one >&2; echo two >&2; exit 3, failed: .* returned a non-zero code: 3; it said: one \| two$/,
    ],
    'lines that are none of a Dockerfile': [
      { 'Dockerfile.hbs': 'INSTALL everything' },
      BASE,
      'IMAGE_BUILD_FAILED',
      /^the image places:failed cannot be built: .*INSTALL/i,
    ],
    'lines that change what is started': [
      { 'Dockerfile.hbs': 'ENTRYPOINT ["sh"]' },
      BASE,
      'IMAGE_INVALID',
      /^places:failed would not start as sluice-worker:test does/,
    ],
    'a base without a worker': [
      {},
      'sluice-python:test',
      'IMAGE_INVALID',
      /^the image sluice-python:test holds no worker of Sluice to build on/,
    ],
    'a base that is not there': [
      {},
      'nothing-like-it:1',
      'IMAGE_NOT_FOUND',
      /^there is no image nothing-like-it:1 to build on: make it with `npm run images`/,
    ],
  };

for (const [what, [files, base, code, message]] of Object.entries(FAILURES))
  test(`told in one sentence, and nothing is left: ${what}`, { skip }, async t => {
    const { build, client } = await prepared(t, files);
    const before = await leftBy(client);
    await assert.rejects(build('places:failed', { base }), { code, message });
    assert.deepEqual(await leftBy(client), before);
  });

test('the template comes out of the image, with its functions in the library', { skip }, async t => {
  const { build, client, config } = await prepared(t);
  const { id: imageId } = await build('places:read');
  const before = await leftBy(client);
  const image = { image: 'places:read', imageId };
  const [first, ...others] = await Promise.all(
    Array.from({ length: 5 }, () => templateOfImage(config, client, image)),
  );
  assert.ok(
    others.every(each => each === first),
    'who asks at the same time waits for the same',
  );
  assert.deepEqual(await leftBy(client), before);
  const pipeline = first?.pipeline?.({ parameters: {}, job: { id: 'x', directory: '/x' } });
  const [path = ''] = /udf:\/\/places@[0-9a-f]{12}/.exec(JSON.stringify(pipeline)) ?? [];
  const [script] = readScripts(path, config);
  assert.equal(script?.name, 'places.js');
  assert.match(script?.source ?? '', /fastest-levenshtein/);
  // Another process finds it without the engine.
  const again = await templateOfImage({ ...config }, new Docker({ socketPath: '/nowhere' }), image);
  assert.equal(again.id, 'Correct_Places');
});

const FLEX = 'LABEL sluice.template=/template/template.yaml';
const HOSTILE: Record<string, [lines: string, code: string, message: RegExp]> = {
  'no template': ['RUN true', 'IMAGE_INVALID', /it has no \/template$/],
  'a folder that is a link': [
    'RUN ln -s /etc /template',
    'IMAGE_INVALID',
    /\/template\/ is neither a plain file nor a folder$/,
  ],
  'a template that is a link': [
    'RUN mkdir /template && ln -s /etc/passwd /template/template.yaml',
    'IMAGE_INVALID',
    /\/template\/template\.yaml is neither a plain file nor a folder$/,
  ],
  'a pipe': ['RUN mkdir /template && mkfifo /template/a.js', 'IMAGE_INVALID', /\/template\/a\.js is neither/],
  'a hard link': [
    'RUN mkdir /template && echo 1 > /template/a.js && ln /template/a.js /template/b.js',
    'IMAGE_INVALID',
    /\/template\/b\.js is neither/,
  ],
  'files without end': [
    'RUN mkdir /template && i=0 && while [ $i -lt 600 ]; do : > /template/$i.js; i=$((i+1)); done',
    'IMAGE_INVALID',
    /\/template has more than 500 files$/,
  ],
  'a file without end': [
    'RUN mkdir /template && dd if=/dev/zero of=/template/a.js bs=1M count=13',
    'IMAGE_INVALID',
    /\/template has more than 12582912 bytes$/,
  ],
  'a template that is none': [
    'RUN mkdir /template && echo "id: X" > /template/template.yaml',
    'TEMPLATE_INVALID',
    /^hostile:1:\/template\/template\.yaml:1:1: /,
  ],
};

for (const [what, [lines, code, message]] of Object.entries(HOSTILE))
  test(`an image of somebody else's is refused, and nothing is left: ${what}`, { skip }, async t => {
    const { client } = await engine();
    const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
    const imageId = await buildHostile(t, client, `${lines}\n${FLEX}`);
    const before = await leftBy(client);
    const template = templateOfImage(config, client, { image: 'hostile:1', imageId });
    await assert.rejects(template, { code, message });
    assert.deepEqual(await leftBy(client), before);
    const folders = await readdir(join(config.home, 'flex')).catch(() => []);
    assert.deepEqual(
      folders.filter(name => name.startsWith('.')),
      [],
    );
  });

test('a fault of the pipeline names the file in the image', { skip }, async t => {
  const { config, client, build, folder } = await prepared(t);
  const file = join(folder, 'template.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('type: ReadFromText', 'type: ReadFromNowhere'));
  const { id: imageId } = await build('places:faulty');
  const template = await templateOfImage(config, client, { image: 'places:faulty', imageId });
  await assert.rejects(checkPipeline(config, template), {
    code: 'PIPELINE_INVALID',
    message: /^places:faulty:\/template\/template\.yaml:\d+:\d+: /,
  });
});

test('a pattern that could take for ever to match is refused', { skip }, async t => {
  const { config, client, build, folder } = await prepared(t);
  const file = join(folder, 'template.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace('format: gcs-read-file', () => "pattern: '^(a+)\\1$'"),
  );
  const { id: imageId } = await build('places:pattern');
  await assert.rejects(templateOfImage(config, client, { image: 'places:pattern', imageId }), {
    code: 'TEMPLATE_INVALID',
    message: /^places:pattern:\/template\/template\.yaml: the pattern of inputFilePattern is none of RE2's/,
  });
});

async function buildHostile(t: TestContext, client: Docker, lines: string): Promise<string> {
  const tar = pack();
  tar.entry({ name: 'Dockerfile' }, `FROM ${BASE}\nUSER 0\n${lines}\n`);
  tar.finalize();
  const answer = await client.buildImage(tar, { t: 'hostile:1', forcerm: true });
  await new Promise<void>((resolve, reject) => {
    client.modem.followProgress(answer, error => (error ? reject(error) : resolve()));
  });
  t.after(() => client.getImage('hostile:1').remove({ force: true }));
  return (await client.getImage('hostile:1').inspect()).Id;
}
