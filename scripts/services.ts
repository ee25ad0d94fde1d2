/**
 * `npm run services [status|install|start|stop] [NAME…]`: the servers that tests run against, on this machine.
 * What is started runs until it is stopped, and its data goes with it.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../test/helpers/processes.ts';
import { installationOf, installations } from '../test/services/index.ts';
import { type Installation, installedIn } from '../test/services/installation.ts';
import { starters } from '../test/services/starters.ts';

const VERBS = { status, install, start, stop, hold };

/** What a server that was started is known by. */
interface Running {
  pid: number;
  address: string;
  /** What points programs to it. */
  environment: Record<string, string>;
}

const [verb = 'status', ...names] = process.argv.slice(2);
if (!isVerb(verb)) {
  process.stderr.write('npm run services [status|install|start|stop] [NAME…]\n');
  process.exit(2);
}
await VERBS[verb](names.length > 0 ? names.map(installationOf) : [...installations]);

function isVerb(word: string): word is keyof typeof VERBS {
  return Object.hasOwn(VERBS, word);
}

function status(chosen: Installation[]): void {
  for (const each of chosen) tell(each, stateOf(each));
}

function stateOf(each: Installation): string {
  const running = runningOf(each.name);
  if (running) return `runs at ${running.address}`;
  if (each.isInstalled()) return 'installed';
  const impossible = each.impossible();
  return impossible ? `cannot be had here: ${impossible}` : `npm run services install ${each.name}`;
}

/** What Go builds takes long and leaves the network alone: it goes on beside the others. */
async function install(chosen: Installation[]): Promise<void> {
  const [built, others] = [chosen.filter(isBuilt), chosen.filter(each => !isBuilt(each))];
  const failures = await Promise.all([installAll(built), installAll(others)]);
  if (failures.flat().length > 0) process.exit(1);
}

function isBuilt({ name }: Installation): boolean {
  return ['gcs', 'bigquery'].includes(name);
}

/** Gives the names of those that could not be installed and should. */
async function installAll(chosen: Installation[]): Promise<string[]> {
  const failed: string[] = [];
  for (const each of chosen) {
    const startMs = Date.now();
    const isNew = !each.isInstalled() && !each.impossible();
    try {
      if (isNew) await each.install();
      const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
      tell(each, isNew ? `installed in ${seconds} s` : stateOf(each));
    } catch (error) {
      failed.push(each.name);
      tell(each, `cannot be installed: ${error instanceof Error ? error.message : error}`);
    }
  }
  return failed;
}

async function start(chosen: Installation[]): Promise<void> {
  for (const each of chosen.filter(each => isServer(each) && each.isInstalled())) {
    if (!runningOf(each.name)) await startOne(each);
    const running = runningOf(each.name);
    tell(each, stateOf(each));
    for (const [key, value] of Object.entries(running?.environment ?? {}))
      process.stdout.write(`    export ${key}=${value}\n`);
  }
}

function isServer({ name }: Installation): boolean {
  return Object.hasOwn(starters, name);
}

async function startOne({ name }: Installation): Promise<void> {
  const program = [...process.execArgv, import.meta.filename, 'hold', name];
  const log = `${fileOf(name)}.log`;
  const output = openSync(log, 'w');
  const holder = spawn(process.execPath, program, { detached: true, stdio: ['ignore', output, output] });
  while (!runningOf(name)) {
    if (holder.exitCode !== null) throw new Error(`${name} does not start: ${readFileSync(log, 'utf8')}`);
    await sleep(50);
  }
  holder.unref();
}

/** Runs servers until it is told to end; `start` starts it once for each. */
async function hold(chosen: Installation[]): Promise<void> {
  const cleanups: (() => unknown)[] = [];
  const lifetime = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  for (const { name } of chosen) {
    const { service, environment } = await starters[name as keyof typeof starters](lifetime);
    const running: Running = { pid: process.pid, address: service.address, environment };
    writeFileSync(fileOf(name), JSON.stringify(running));
  }
  const waiting = setInterval(() => {}, 1 << 30);
  process.once('SIGTERM', async () => {
    clearInterval(waiting);
    for (const each of cleanups) await each();
    for (const { name } of chosen) rmSync(fileOf(name));
  });
}

async function stop(chosen: Installation[]): Promise<void> {
  for (const each of chosen) {
    const running = runningOf(each.name);
    if (!running) continue;
    process.kill(running.pid, 'SIGTERM');
    while (isRunning(running.pid)) await sleep(20);
    tell(each, 'stopped');
  }
}

function runningOf(name: string): Running | undefined {
  if (!existsSync(fileOf(name))) return undefined;
  const running = JSON.parse(readFileSync(fileOf(name), 'utf8')) as Running;
  return isRunning(running.pid) ? running : undefined;
}

function fileOf(name: string): string {
  const folder = installedIn('running');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.json`);
}

function tell({ name, what }: Installation, state: string): void {
  process.stdout.write(`${name.padEnd(17)}${what}\n${' '.repeat(17)}${state}\n`);
}
