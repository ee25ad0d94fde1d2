/** What the guides say to clients of a server works: their blocks marked `sh server` and `js server` are run. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const root = join(import.meta.dirname, '../..');
const required = process.env.SLUICE_REQUIRE_SERVICES === '1';

interface Block {
  language: string;
  line: number;
  code: string;
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(sh|js) server\n([\s\S]*?)^```$/gm)].map(
    ({ 1: language = '', 2: code = '', index }) => ({
      language,
      code,
      line: text.slice(0, index).split('\n').length,
    }),
  );
}

/** A folder that looks like a checkout in which the clients are installed. */
async function checkout(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin'));
  await symlink(join(root, 'bin/sluice'), join(folder, 'bin/sluice'));
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  for (const from of [join(root, 'node_modules'), join(root, 'test/clients/node_modules')])
    for (const name of existsSync(from) ? await readdir(from) : [])
      await symlink(join(from, name), join(modules, name)).catch(() => {});
}

/** True when what the block needs is on this machine. */
function canRun({ code }: Block, folder: string): boolean {
  if (code.includes('gcloud ')) return spawnSync('gcloud', ['--version']).status === 0;
  if (code.includes("'googleapis'")) return required || existsSync(join(folder, 'node_modules/googleapis'));
  return true;
}

async function run(
  { language, code }: Block,
  { folder, server }: Place,
): Promise<{ status: number | null; output: string }> {
  const port = new URL(server.url).port;
  // At once: the one that is put in may hold the digits of the other.
  const text = code.replaceAll(/\b808[01]\b/g, each => (each === '8080' ? port : String(server.grpcPort)));
  const file = join(folder, language === 'js' ? 'snippet.mjs' : 'snippet.sh');
  await writeFile(file, text);
  const [command, args] =
    language === 'js' ? [process.execPath, [file]] : ['bash', ['-euo', 'pipefail', file]];
  const child = spawn(command, args, {
    cwd: folder,
    env: {
      ...process.env,
      ...server.env,
      SLUICE_HOME: join(folder, 'home'),
      CLOUDSDK_CONFIG: join(folder, 'gcloud'),
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    },
    timeout: 120_000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => {
      output += more;
    });
  return new Promise(resolve => child.on('close', status => resolve({ status, output })));
}

interface Place {
  folder: string;
  server: Served;
}

/** The server, started as the guide says. */
async function place(t: TestContext, guide: string): Promise<Place> {
  const folder = await temporaryFolder(t);
  await checkout(folder);
  const [, options = ''] = /^bin\/sluice serve(.*?)(?: +#.*)?$/m.exec(guide) ?? [];
  return {
    folder,
    server: await serve(t, { home: join(folder, 'home'), cwd: folder }, options.split(' ').filter(Boolean)),
  };
}

for (const file of ['README.md', 'docs/rest-api.md']) {
  test(`every command and program in ${file} that needs a server works`, async t => {
    const guide = await readFile(join(root, file), 'utf8');
    const { folder, server } = await place(t, guide);
    const blocks = blocksOf(guide);
    assert.ok(blocks.length >= 4, `${file} has ${blocks.length} blocks for a server`);
    for (const block of blocks) {
      if (!canRun(block, folder)) {
        t.diagnostic(`${file}:${block.line} is not run: its client is not on this machine`);
        continue;
      }
      const { status, output } = await run(block, { folder, server });
      assert.equal(status, 0, `${file}:${block.line}\n${output}`);
      assert.doesNotMatch(output, /ERROR|"error"/, `${file}:${block.line}`);
    }
    const { jobs } = await server.json(['jobs', 'list']);
    assert.ok(jobs.length >= 1);
    for (const { id } of jobs) {
      const { state, error } = await server.json(['jobs', 'wait', id]);
      assert.equal(state, 'DONE', JSON.stringify(error));
    }
  });
}
