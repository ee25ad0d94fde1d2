/**
 * `npm run bench [NAME…]`: runs the benchmarks of bench/, one after the other, on a machine that does nothing else.
 * With `--write` what they print goes into bench/RESULTS.md.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { basename, dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const results = join(root, 'bench/RESULTS.md');
const write = process.argv.includes('--write');
const named = process.argv.slice(2).filter(argument => argument !== '--write');
const all = globSync('bench/*/run.ts', { cwd: root })
  .map(path => basename(dirname(path)))
  .sort();

for (const name of named.length > 0 ? named : all) {
  process.stdout.write(`\n${name}\n`);
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', `bench/${name}/run.ts`],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  process.stdout.write(stdout);
  if (status !== 0) process.exit(status ?? 1);
  if (write) await replaceSection(name, stdout);
}

/** Puts what a benchmark printed into the code block that follows its name; the words around it are written by hand. */
async function replaceSection(name: string, printed: string): Promise<void> {
  const text = await readFile(results, 'utf8');
  const machine = `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const dated = text.replace(/^Machine: .*$/m, `Machine: ${machine}.`);
  const section = new RegExp(`(## ${name}\\n[^#]*?\`\`\`\\n)[^\`]*(\`\`\`)`);
  if (!section.test(dated)) throw new Error(`${results} has no section ${name} with a code block`);
  await writeFile(
    results,
    dated.replace(section, (_, head: string, tail: string) => `${head}${printed.trimEnd()}\n${tail}`),
  );
}
