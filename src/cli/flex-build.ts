/** `sluice flex build`: the image of a template, and the spec by which it is launched. */
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import type { BuiltImage } from '../flex/build/image.ts';
import type { PackedTemplate } from '../flex/build/pack.ts';
import { VERSION } from '../program.ts';
import { printJson } from './output.ts';
import { harmless } from './tables.ts';

const INTERRUPTED = 130;

interface BuildOptions {
  image: string;
  base?: string;
  push?: boolean;
  test: boolean;
  cache: boolean;
  json?: boolean;
}

export function registerFlexBuild(flex: Command): void {
  flex
    .command('build')
    .description('build the image of a template, and write the spec by which it is launched')
    .argument('<template>', 'a folder with a template.yaml, or the id of a template of the catalog')
    .argument('[spec]', 'where the spec goes: a local path or gs://; default: beside the folder')
    .requiredOption('--image <name:tag>', 'the name of the image')
    .option('--base <image>', `the worker image to build on; default: sluice-worker:${VERSION}`)
    .option('--push', 'push it also where the name has no registry')
    .option('--no-push', 'do not push it, also where the name has a registry')
    .option('--no-test', 'do not run the tests of the template and the cases of its functions')
    .option('--no-cache', 'make every step anew')
    .option('--json', 'print one JSON document')
    .action(build);
}

async function build(given: string, specPath: string | undefined, options: BuildOptions): Promise<void> {
  const [
    { hasRegistry, nameToBuild },
    { packTemplate },
    { openSpecFile },
    { buildImage },
    { requireEngine },
  ] = await Promise.all([
    import('../flex/build/name.ts'),
    import('../flex/build/pack.ts'),
    import('../flex/build/spec-file.ts'),
    import('../flex/build/image.ts'),
    import('../flex/build/engine.ts'),
  ]);
  const startMs = Date.now();
  const config = loadConfig();
  const name = nameToBuild(options.image);
  const engine = await requireEngine(config);
  const packed = await packTemplate(config, given);
  const path = specPath ?? defaultSpec(packed);
  const spec = await openSpecFile(path, config);
  const stopping = new AbortController();
  let building: Promise<BuiltImage> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
  try {
    await check(config, packed, options);
    const base = options.base ?? config.workerImage ?? `sluice-worker:${VERSION}`;
    const terms = { name, base, noCache: !options.cache, tell, signal: stopping.signal };
    building = buildImage(config, engine, packed, terms);
    const image = await building;
    const isPushed = options.push ?? hasRegistry(name);
    const digest = isPushed ? await push(config, name) : undefined;
    await spec.write(await specOf(packed, name));
    report({ image, digest, path, milliseconds: Date.now() - startMs }, options);
  } catch (error) {
    await spec.abandon();
    if (!stopping.signal.aborted) throw error;
  }

  /** Nothing is left of what was begun. */
  async function stop(): Promise<void> {
    stopping.abort();
    await building?.catch(() => {});
    await spec.abandon();
    process.exit(INTERRUPTED);
  }

  async function push(config: Config, name: string): Promise<string> {
    const { pushImage } = await import('../flex/build/registry.ts');
    return pushImage(config, engine, name, tell);
  }
}

const tell = (line: string): void => void process.stderr.write(harmless(`${line}\n`));

/** `flights/` has its spec in `flights.json`. */
const defaultSpec = ({ folder, template }: PackedTemplate): string =>
  folder === undefined ? `${template.id}.json` : join(dirname(folder), `${basename(folder)}.json`);

async function check(config: Config, packed: PackedTemplate, { test }: BuildOptions): Promise<void> {
  const [{ checkPipeline }, { checkScripts }] = await Promise.all([
    import('../flex/build/check-pipeline.ts'),
    import('../flex/build/check.ts'),
  ]);
  await checkPipeline(config, packed.template);
  await checkScripts(packed, { cases: test, tell });
  if (!test || packed.template.tests.length === 0) return;
  const { testPacked } = await import('./flex-test.ts');
  await testPacked(packed, tell);
}

async function specOf({ template }: PackedTemplate, image: string): Promise<string> {
  const [{ metadataOf }, { specText }] = await Promise.all([
    import('../api/v1b3/template-metadata.ts'),
    import('../flex/spec.ts'),
  ]);
  return specText({
    image,
    sdkInfo: { language: 'YAML' },
    metadata: metadataOf(template),
    defaultEnvironment: {},
  });
}

interface Built {
  image: BuiltImage;
  /** By which the registry knows it; absent for an image that was not pushed. */
  digest?: string;
  path: string;
  milliseconds: number;
}

function report({ image, digest, path, milliseconds }: Built, { json }: BuildOptions): void {
  const spec = path.includes('://') ? path : resolve(path);
  if (json) {
    printJson({ image: image.name, imageId: image.id, layers: image.layers, digest, spec, milliseconds });
    return;
  }
  const lines = [
    `built   ${image.name}  ${image.id.slice(0, 19)}  in ${(milliseconds / 1000).toFixed(1)} s`,
    ...(digest === undefined ? [] : [`pushed  ${digest}`]),
    `spec    ${spec}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
