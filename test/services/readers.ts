/** fastavro and pyarrow: other implementations, which must read what we write and whose files we must read. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Installation, installedIn, lacking, run } from './installation.ts';

const VERSIONS = '1.13.1-26.0.1';

const folder = () => installedIn(`readers-${VERSIONS}`);
const done = () => join(folder(), 'installed');

export const readers: Installation = {
  name: 'readers',
  what: 'fastavro 1.13.1 and pyarrow 26.0.1 (PyPI), which read and write files of Avro and Parquet',
  isInstalled: () => existsSync(done()),
  impossible: () => lacking('python3'),
  async install() {
    await run('python3', ['-m', 'venv', folder()]);
    const requirements = join(import.meta.dirname, 'readers/requirements.txt');
    const options = ['--quiet', '--require-hashes', '--no-deps', '--only-binary=:all:'];
    await run(join(folder(), 'bin/pip'), ['install', ...options, '-r', requirements]);
    await run('touch', [done()]);
  },
};

/** What a script of Python prints, as JSON. */
export function python(script: string, ...args: string[]): unknown {
  const { status, stdout, stderr } = spawnSync(join(folder(), 'bin/python'), ['-c', script, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`Python ended with ${status}: ${stderr}`);
  return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}
