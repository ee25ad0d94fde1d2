/** `sluice flex run` and `sluice launch` of a program in an image. */
import assert from 'node:assert/strict';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { specText } from '../../src/flex/spec.ts';
import { sluice, startSluice } from '../helpers/cli.ts';
import { serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { oddSpec, startPrograms, wordsSpec } from '../launchers/docker/programs/programs.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';

const skip = missing('docker');
const programs = shared(startPrograms);
/** Who containers run as where we are root. */
const NOBODY = 65_532;

/** A folder with specs and files to count, and one that containers may write. */
async function working(t: TestContext) {
  const { host } = await programs();
  const folder = await temporaryFolder(t);
  const [home, cwd] = [join(folder, 'home'), join(folder, 'work')];
  for (const each of ['in', 'out']) await mkdir(join(cwd, each), { recursive: true });
  if (process.getuid?.() === 0) await chown(join(cwd, 'out'), NOBODY, NOBODY);
  await writeFile(join(cwd, 'in/a.txt'), 'one two\ntwo\n');
  await writeFile(join(cwd, 'words.json'), specText(await wordsSpec()));
  await writeFile(join(cwd, 'watch.json'), specText(await wordsSpec(true)));
  await writeFile(join(cwd, 'odd.json'), specText(oddSpec('reports')));
  return { home, cwd, env: { DOCKER_HOST: host } };
}

const counting = ['--parameters', 'input=in,output=out'];

test('a program runs in the foreground, without a server', { skip }, async t => {
  const options = await working(t);
  const { status, stdout, stderr } = await sluice(
    ['flex', 'run', 'words.json', ...counting, '--json'],
    options,
  );
  assert.equal(status, 0, stderr);
  const { jobId, state, elements, outputs, templateId } = JSON.parse(stdout);
  assert.match(stderr, new RegExp(`^job ${jobId} starting\n[^]*^a\\.txt is read$`, 'm'));
  assert.deepEqual([state, templateId], ['DONE', 'words']);
  assert.deepEqual(elements, { read: 2, written: 2, filtered: 0, deadLettered: 0 });
  assert.deepEqual(outputs, [join(options.cwd, 'out/words.txt')]);
  assert.equal(await readFile(join(options.cwd, 'out/words.txt'), 'utf8'), 'one 1\ntwo 2\n');
});

test('Ctrl-C drains a streaming program', { skip }, async t => {
  const options = await working(t);
  const running = startSluice(
    [
      'flex',
      'run',
      'watch.json',
      ...counting,
      '--parameters',
      'watch=true',
      '--job-name',
      'watching',
      '--json',
    ],
    options,
  );
  const shown = async () =>
    (await readFile(join(options.cwd, 'out/words.txt'), 'utf8').catch(() => '')) !== '';
  while (running.child.exitCode === null && !(await shown())) await new Promise(setImmediate);
  running.child.kill('SIGINT');
  const { status, stdout, stderr } = await running.finished;
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).state, 'DRAINED');
});

const refusals: [args: string[], status: number, says: RegExp][] = [
  [['absent.json'], 2, /Unable to open template file: .*absent\.json \[TEMPLATE_NOT_FOUND\]/],
  [['in/a.txt'], 1, /a\.txt is no spec of a Flex template/],
  [['words.json', '--parameters', 'input=in'], 2, /output: must be given/],
  [['words.json', ...counting, '--memory', '1KiB'], 2, /memory is from 64MiB/],
  [['words.json', ...counting, '--start-timeout', '0'], 2, /whole number from 1 to 86400/],
  [['words.json', ...counting, '--update'], 2, /need a server/],
  [['absent-image.json', ...counting], 2, /there is no image nobody\/has-it:1/],
];

test('what cannot be run is said in a sentence', { skip }, async t => {
  const options = await working(t);
  const spec = { ...(await wordsSpec()), image: 'nobody/has-it:1' };
  await writeFile(join(options.cwd, 'absent-image.json'), specText(spec));
  await Promise.all(
    refusals.map(async ([args, expected, says]) => {
      const { status, stderr } = await sluice(['flex', 'run', ...args], options);
      assert.match(stderr, says);
      assert.equal(status, expected, stderr);
    }),
  );
  const nowhere = { ...options, env: { DOCKER_HOST: `unix://${options.cwd}/none.sock` } };
  const { status, stderr } = await sluice(['flex', 'run', 'words.json', ...counting], nowhere);
  assert.equal(status, 1);
  assert.match(stderr, /no Docker engine answers at unix:\/\/.*none\.sock \(ENOENT\) \[ENGINE_UNREACHABLE\]/);
  const bogus = await sluice(['flex', 'run', 'words.json', ...counting], {
    ...options,
    env: { DOCKER_HOST: 'bogus' },
  });
  assert.match(bogus.stderr, /^sluice: DOCKER_HOST is bogus, which is no address: .* \[ENGINE_UNREACHABLE\]/);
});

test('a server launches a spec that lies here, and tells what its program counts', { skip }, async t => {
  const { home, cwd, env } = await working(t);
  const server = await serve(t, { home, env }, ['--root', cwd]);
  const wait = ['--job-name', 'here', '--wait'];
  const ran = await server.json(['flex', 'run', 'words.json', ...counting, ...wait], { cwd });
  assert.equal(ran.state, 'DONE', JSON.stringify(ran));
  const launched = await server.json(
    ['launch', './words.json', ...counting, '--job-name', 'there', '--wait'],
    { cwd },
  );
  assert.equal(launched.state, 'DONE', JSON.stringify(launched));
  const shown = await server.sluice(['jobs', 'show', 'there']);
  assert.match(
    shown.stdout,
    /counted by the program\n +distinct +2\n +words +3|counted by the program\n +words +3\n +distinct +2/,
  );
  const metrics = await server.sluice(['jobs', 'metrics', 'there']);
  assert.match(metrics.stdout, /program +2 +2 +0 +0/);
});
