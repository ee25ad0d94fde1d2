/** Time from the command to the first element read: the worker is made to die at exactly that moment. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../measure.ts';

const ROUNDS = 9;
const TARGET_MS = 1000;

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const root = join(import.meta.dirname, '../..');
writeFileSync(join(folder, 'in.ndjson'), '{"a":1}\n'.repeat(1000));

const parameters = {
  inputFilePattern: join(folder, 'in.ndjson'),
  outputDirectory: join(folder, 'out'),
  javascriptTextTransformGcsPath: join(root, 'bench/files/udf.js'),
  javascriptTextTransformFunctionName: 'transform',
};
const args = ['run', 'GCS_Text_to_GCS_Text', '--parameters', JSON.stringify(parameters)];
const bare = Array.from({ length: ROUNDS }, () => time(process.execPath, ['-e', '0']));
const first = Array.from({ length: ROUNDS }, () =>
  time(join(root, 'bin/sluice'), args, { SLUICE_CRASH_AT: 'source.read' }),
);

console.log(`an empty Node process        ${median(bare).toFixed(0)} ms`);
console.log(
  `sluice run, first element    ${median(first).toFixed(0)} ms, with a UDF (target under ${TARGET_MS})`,
);
console.log(`ratio                        ${(median(first) / median(bare)).toFixed(1)}`);

function time(command: string, commandArgs: string[], env: NodeJS.ProcessEnv = {}): number {
  const started = performance.now();
  spawnSync(command, commandArgs, { env: { ...process.env, SLUICE_HOME: join(folder, 'home'), ...env } });
  return performance.now() - started;
}
