/** Builds `dist/`, the JavaScript of the package: Node strips no types below `node_modules`. */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);

rmSync(join(root, 'dist'), { recursive: true, force: true });
const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(1);
// Scripts that run inside the sandbox are no modules of ours: they are copied as they are.
for (const script of globSync('src/**/*.{js,proto,json}', { cwd: root })) {
  cpSync(join(root, script), join(root, script.replace(/^src/, 'dist')));
}
