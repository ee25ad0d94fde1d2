/** `npm pack` gives a package that installs and runs elsewhere. */
import assert from 'node:assert/strict';
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from './helpers/temporary.ts';

const root = dirname(import.meta.dirname);

test('the package, installed somewhere else, runs a job with a UDF and Pub/Sub', {
  timeout: 300_000,
}, async t => {
  const folder = await temporaryFolder(t);
  const app = join(folder, 'app');
  await mkdir(app);
  const quiet: ExecFileSyncOptions = { stdio: ['ignore', 'pipe', 'pipe'] };
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: root, ...quiet });
  const [tarball = ''] = (await readdir(folder)).filter(name => name.endsWith('.tgz'));
  await writeFile(join(app, 'package.json'), '{"name":"app","private":true}');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--omit=dev'];
  execFileSync('npm', ['install', ...flags, join(folder, tarball)], { cwd: app, ...quiet });

  const env = { ...process.env, SLUICE_HOME: join(folder, 'home'), NODE_COMPILE_CACHE: '' };
  const sluice = (args: string[], input = '') =>
    execFileSync(join(app, 'node_modules/.bin/sluice'), args, { cwd: app, env, input, encoding: 'utf8' });
  assert.match(sluice(['templates', 'list']), /^ID +TYPE +TITLE\n/);
  await writeFile(join(app, 'in.txt'), '{"delay":75,"distance":100,"time":1}\n');
  const parameters =
    'inputFilePattern=in.txt,outputDirectory=out,javascriptTextTransformGcsPath=udf://aviation,javascriptTextTransformFunctionName=aviation';
  const summary = JSON.parse(sluice(['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--json']));
  assert.equal(summary.state, 'DONE');
  assert.equal(
    await readFile(summary.outputs[0], 'utf8'),
    '{"kind":"flight","departure":"01:00","delay_minutes":75,"distance_km":161}\n',
  );
  sluice(['pubsub', 'create', 'orders', '--subscription', 'orders']);
  sluice(['pubsub', 'publish', 'orders'], 'hello\n');
  assert.match(sluice(['pubsub', 'pull', 'orders']), /hello/);
});
