/** A job in a container against the same one in a process: until its first element, and how fast it is; building the image. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNodeBase } from '../../scripts/images/machine.ts';
import { buildSluice } from '../../scripts/images/sluice.ts';
import { startDocker } from '../../test/services/docker.ts';
import { measure, median } from '../measure.ts';
import { makeElements } from '../udf/elements.ts';

const STARTS = 9;
const ROUNDS = 3;
const RECORDS = 2_000_000;
const DISTINCT_RECORDS = 20_000;
const TARGET_RATIO = 0.95;
const LAUNCHERS = ['process', 'docker'] as const;
type LauncherName = (typeof LAUNCHERS)[number];

const inA: Record<LauncherName, string> = { process: 'in a process', docker: 'in a container' };

const root = join(import.meta.dirname, '../..');
const sluice = join(root, 'bin/sluice');
const udf = join(root, 'bench/files/udf.js');
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
const lifetime = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
try {
  await building();
  const { host } = await startDocker(lifetime);
  const env = {
    SLUICE_HOME: join(folder, 'home'),
    DOCKER_HOST: host,
    SLUICE_WORKER_IMAGE: 'sluice-worker:test',
  };
  await starting(env);
  await working(env);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}

/** From the machine's own files, on an engine that has nothing; then again. */
async function building(): Promise<void> {
  const { client } = await startDocker(lifetime, { isEmpty: true });
  for (const name of ['cold', 'warm']) {
    const startMs = performance.now();
    await buildNodeBase(client, 'base:bench');
    await buildSluice(client, { target: 'worker', tag: 'worker:bench', base: 'base:bench' });
    const seconds = (performance.now() - startMs) / 1000;
    console.log(`the worker's image, built ${name}        ${seconds.toFixed(1)} s`);
  }
  const { Size: bytes } = await client.getImage('worker:bench').inspect();
  console.log(`the worker's image                    ${Math.round(bytes / 1e6)} MB\n`);
}

async function starting(env: NodeJS.ProcessEnv): Promise<void> {
  const input = join(folder, 'one.ndjson');
  writeFileSync(input, '{"first":1}\n');
  const pipeline = join(folder, 'first.yaml');
  writeFileSync(pipeline, pipelineOf(input));
  const times = new Map(LAUNCHERS.map(name => [name, [] as number[]]));
  for (let round = 0; round <= STARTS; round++)
    for (const name of LAUNCHERS) {
      const ms = await untilShown([sluice, 'run', '--pipeline', pipeline, '--launcher', name], env);
      // The first start fills the caches.
      if (round > 0) times.get(name)?.push(ms);
    }
  for (const [name, ms] of times)
    console.log(
      `first element, ${`${inA[name]},`.padEnd(14)} with a UDF  ${median(ms).toFixed(0).padStart(5)} ms`,
    );
}

function pipelineOf(input: string): string {
  return `pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config: {path: ${input}}
    - type: JavaScriptUdf
      config: {path: ${udf}, function: transform}
    - type: LogForTesting
      config: {level: WARNING}
`;
}

/** Milliseconds from the command until it shows what the function has made of the element. */
async function untilShown([command = '', ...args]: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startMs = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let shownMs: number | undefined;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('"processed":true')) shownMs ??= performance.now();
    });
  await new Promise(resolve => child.once('close', resolve));
  if (shownMs === undefined) throw new Error(`the element was not shown:\n${said}`);
  return shownMs - startMs;
}

async function working(env: NodeJS.ProcessEnv): Promise<void> {
  const input = join(folder, 'in.ndjson');
  generate(input);
  const seconds: Record<LauncherName, number[]> = { process: [], docker: [] };
  const hashes = new Set<string>();
  for (let round = 0; round < ROUNDS; round++)
    for (const name of LAUNCHERS) {
      const output = join(folder, name);
      const parameters = {
        inputFilePattern: input,
        outputDirectory: output,
        javascriptTextTransformGcsPath: udf,
        javascriptTextTransformFunctionName: 'transform',
      };
      const args = [
        'run',
        'GCS_Text_to_GCS_Text',
        '--launcher',
        name,
        '--parameters',
        JSON.stringify(parameters),
      ];
      seconds[name].push((await measure(sluice, args, env)).wallSeconds);
      hashes.add(await hashOf(output));
      rmSync(output, { recursive: true });
    }
  if (hashes.size !== 1) throw new Error('the outputs differ');
  console.log(
    `\nGCS_Text_to_GCS_Text, ${RECORDS.toLocaleString('en')} records of 1 KB, with a UDF, from the command to its end`,
  );
  const rates = LAUNCHERS.map(name => RECORDS / median(seconds[name]));
  for (const [i, name] of LAUNCHERS.entries())
    console.log(
      `${inA[name].padEnd(28)} ${Math.round(rates[i] ?? 0)
        .toLocaleString('en')
        .padStart(9)} records/s`,
    );
  const [inProcess = 0, inContainer = 0] = rates;
  console.log(
    `ratio                        ${(inContainer / inProcess).toFixed(2)} (target at least ${TARGET_RATIO})`,
  );
}

async function hashOf(output: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of readdirSync(output).sort())
    if (name.startsWith('output'))
      for await (const piece of createReadStream(join(output, name))) hash.update(piece);
  return hash.digest('hex');
}

function generate(path: string): void {
  const text = `${makeElements(1000, DISTINCT_RECORDS).join('\n')}\n`;
  const file = openSync(path, 'w');
  for (let i = 0; i < RECORDS; i += DISTINCT_RECORDS) writeSync(file, text);
  closeSync(file);
}
