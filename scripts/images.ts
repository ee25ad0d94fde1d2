/**
 * `npm run images`: Sluice's images of the worker and of the server, with the packages that are installed here. Where no
 * registry is reachable, `--base local` makes what they build on from this machine's own files.
 */
import { parseArgs, styleText } from 'node:util';
import type Docker from 'dockerode';
import { loadConfig } from '../src/config.ts';
import { asSluiceError } from '../src/errors.ts';
import { requireEngine } from '../src/flex/build/engine.ts';
import { pullImage } from '../src/flex/build/registry.ts';
import { VERSION } from '../src/program.ts';
import { removeUnnamed } from './images/build.ts';
import { buildNodeBase } from './images/machine.ts';
import { buildSluice } from './images/sluice.ts';

const LOCAL = 'local';

try {
  await main();
} catch (error) {
  process.stderr.write(`${asSluiceError(error).message}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { values: asked } = parseArgs({
    options: {
      base: { type: 'string', default: 'node:26-slim' },
      tag: { type: 'string', default: VERSION },
    },
  });
  const docker = await requireEngine(loadConfig());
  const base = asked.base === LOCAL ? `sluice-base:${asked.tag}` : asked.base;
  if (asked.base === LOCAL) await timed(base, () => buildNodeBase(docker, base, say));
  else await pull(docker, base);
  const made: string[] = [];
  for (const target of ['worker', 'server'] as const) {
    const tag = `sluice-${target}:${asked.tag}`;
    await timed(tag, async () => {
      made.unshift(...(await buildSluice(docker, { target, tag, base }, say)));
    });
  }
  // Both have been built on what the first one has made.
  await removeUnnamed(docker, made);

  async function timed(tag: string, build: () => Promise<void>): Promise<void> {
    process.stdout.write(`${styleText('bold', tag)}\n`);
    const startMs = Date.now();
    await build();
    const { Size: bytes } = await docker.getImage(tag).inspect();
    const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
    process.stdout.write(`  ${Math.round(bytes / 1e6)} MB in ${seconds} s\n`);
  }
}

async function pull(docker: Docker, image: string): Promise<void> {
  const known = await docker.listImages({ filters: { reference: [image] } });
  if (known.length > 0) return;
  process.stdout.write(`${styleText('bold', image)}\n`);
  await pullImage(docker, image, say).catch(error => {
    throw new Error(`${asSluiceError(error).message}: \`npm run images -- --base local\` needs no registry`);
  });
}

function say(line: string): void {
  process.stdout.write(`  ${line}\n`);
}
