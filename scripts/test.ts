/**
 * `npm test`: type check, lint, generated files, all tests; or only the tests of the files named, or of those that need
 * a server (`--with=NAME`). `--without=NAME` leaves these out.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, styleText } from 'node:util';

const root = dirname(import.meta.dirname);
const all = globSync('test/**/*.test.ts', { cwd: root }).sort();
const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  options: { with: { type: 'string' }, without: { type: 'string' } },
});
const named = asked.with === undefined ? positionals : all.filter(needs(asked.with));
const binary = (name: string): string => join(root, 'node_modules/.bin', name);
const env = {
  ...process.env,
  // Tests start many workers: compiled once, they start in half the time.
  NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node'),
  // In CI a server that should be there is a failure when it is not.
  ...(process.env.CI && { SLUICE_REQUIRE_SERVICES: '1' }),
};

if (named.length === 0) {
  step('type check', binary('tsc'), ['-p', '.']);
  step('lint', binary('biome'), ['check', '--error-on-warnings']);
  step('generated files', process.execPath, ['scripts/docs.ts', '--check']);
}
const left = asked.without === undefined ? () => false : needs(asked.without);
const files = named.length > 0 ? named : all.filter(file => !left(file));
if (named.length === 0 || named.some(file => /clients|readme/.test(file))) installClients();
step('tests', process.execPath, [
  '--disable-warning=ExperimentalWarning',
  '--test',
  '--test-reporter=spec',
  // Most tests wait for processes and servers more than they compute.
  `--test-concurrency=${availableParallelism() + 1}`,
  ...files,
]);

/** Clients that only tests need, beside what `npm install` brings: without them their tests are skipped, but in CI. */
function installClients(): void {
  const folder = join(root, 'test/clients');
  if (existsSync(join(folder, 'node_modules/googleapis/package.json'))) return;
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) return;
  process.stderr.write(
    `the clients of test/clients could not be installed: ${error?.message ?? `status ${status}`}\n`,
  );
  if (process.env.CI) process.exit(1);
}

/** Whether a test file, or what it imports of the tests, starts this server. */
function needs(service: string): (file: string) => boolean {
  const known = new Map<string, boolean>();
  const starts = (file: string): boolean => {
    const before = known.get(file);
    if (before !== undefined) return before;
    known.set(file, false);
    const text = readFileSync(file, 'utf8');
    const imported = [...text.matchAll(/ from '(\.[^']+)'/g)].map(([, path = '']) =>
      join(dirname(file), path),
    );
    const found =
      text.includes(`/services/${service}.ts'`) ||
      imported.some(path => path.startsWith(join(root, 'test/connectors/')) && starts(path));
    known.set(file, found);
    return found;
  };
  return file => starts(join(root, file));
}

function step(name: string, command: string, args: string[]): void {
  process.stdout.write(`${styleText('bold', name)}\n`);
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
