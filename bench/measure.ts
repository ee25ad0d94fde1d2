/** Runs a command and measures it with everything it starts. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measured {
  wallSeconds: number;
  /** User and system time of the command and all its descendants. */
  cpuSeconds: number;
  /** The greatest sum of the resident memory of all processes, bytes; pages that several share count once. */
  peakBytes: number;
  stdout: string;
}

const POLL_MS = 100;

export async function measure(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  /** Interrupts the command, once, when it gives true. */
  isDone?: () => boolean,
): Promise<Measured> {
  const timed = ['-c', 'TIMEFORMAT="cpu %R %U %S"; time "$@"', 'bash', command, ...args];
  const child = spawn('bash', timed, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', text => (stdout += text));
  child.stderr.on('data', text => (stderr += text));
  let peakBytes = 0;
  let isInterrupted = false;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(child.pid ?? 0));
    if (isInterrupted || !isDone?.()) return;
    isInterrupted = true;
    // Bash, which measures, is to wait for it.
    for (const pid of read(`/proc/${child.pid}/task/${child.pid}/children`).trim().split(' '))
      process.kill(Number(pid), 'SIGINT');
  }, POLL_MS);
  const status = await new Promise(resolve => child.on('close', resolve));
  clearInterval(timer);
  const [, wall, user, system] = /cpu ([\d.]+) ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
  if (status !== 0 || wall === undefined)
    throw new Error(`${command} ${args.join(' ')} failed: ${stdout}${stderr}`);
  return { wallSeconds: Number(wall), cpuSeconds: Number(user) + Number(system), peakBytes, stdout };
}

/** Resident memory of a process and all below it, by the proportional share of each in its pages. */
function residentBytes(root: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = /^\d+ \(.*\) \S (\d+)/.exec(read(`/proc/${name}/stat`))?.[1];
    if (parent) parents.set(Number(name), Number(parent));
  }
  const isBelow = (pid: number): boolean =>
    pid === root || (parents.has(pid) && isBelow(parents.get(pid) ?? 0));
  let kibibytes = 0;
  for (const pid of parents.keys()) {
    if (isBelow(pid)) kibibytes += Number(/^Pss: +(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Prints what the runs of one program amount to; gives the median of the records per second. */
export function tell(name: string, runs: readonly Measured[], records: number): number {
  const of = (field: 'wallSeconds' | 'cpuSeconds' | 'peakBytes') => median(runs.map(run => run[field]));
  const rate = records / of('wallSeconds');
  const cpu = ((of('cpuSeconds') / records) * 1e6).toFixed(1);
  const peak = (of('peakBytes') / 1e6).toFixed(0);
  console.log(
    `${name.padEnd(36)} ${Math.round(rate).toLocaleString('en').padStart(9)} records/s   cpu ${cpu.padStart(5)} µs   peak ${peak} MB`,
  );
  return rate;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
