/** What a launch says of the containers of its job, in the words of Dataflow's environment. */
import { availableParallelism, totalmem } from 'node:os';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import type { ContainerLimits } from '../worker/container.ts';

export interface ContainerRequest {
  /** Absent: the worker image of this installation. */
  image?: string;
  limits: ContainerLimits;
  /** Absent: as the pipeline needs it. */
  network?: 'none' | 'jobs';
  /** Refuse an image that no registry vouches for. */
  verify: boolean;
  startTimeoutMs: number;
}

export type LauncherName = 'process' | 'docker';

/** How the workers of a job are started: undefined where nothing says it. @throws SluiceError ENVIRONMENT_INVALID */
export function launcherIn(environment: Record<string, unknown>): LauncherName | undefined {
  const { launcher } = optionsIn(environment);
  if (launcher === undefined || launcher === '')
    return textOf(environment.sdkContainerImage) === undefined ? undefined : 'docker';
  if (launcher === 'process' || launcher === 'docker') return launcher;
  throw refused('launcher', `is process or docker, not ${launcher}`);
}

const MIB = 1 << 20;
const DEFAULT_MEMORY = 2048 * MIB;
/** A worker has a child for each core, and each child a dozen threads. */
const DEFAULT_PIDS = Math.max(512, 32 * availableParallelism());
const DEFAULT_START_MS = 5 * 60_000;
const MIN_MEMORY = 64 * MIB;
/** With less a worker of ours ends before it has read anything. */
const MIN_WORKER_MEMORY = 192 * MIB;
const MIN_PIDS = 64;
const MAX_PIDS = 100_000;
const MAX_START_SECONDS = 24 * 60 * 60;

/** @throws SluiceError ENVIRONMENT_INVALID that names what cannot be */
export function containerRequest(environment: Record<string, unknown>): ContainerRequest {
  const options = optionsIn(environment);
  const { memoryBytes, cpus } = machineOf(textOf(environment.machineType));
  const image = textOf(environment.sdkContainerImage);
  const network = options.network || undefined;
  if (network !== undefined && network !== 'none' && network !== 'jobs')
    throw refused('network', `is none or jobs, not ${network}; which network jobs use is said by the server`);
  return {
    ...(image !== undefined && { image }),
    limits: {
      memoryBytes: options.memory ? bytesOf(options.memory) : memoryBytes,
      cpus: options.cpus ? coresOf(options.cpus) : cpus,
      pids: options.pids ? wholeOf('pids', options.pids, MIN_PIDS, MAX_PIDS) : DEFAULT_PIDS,
    },
    ...(network !== undefined && { network }),
    verify: options.verifyImage === 'true',
    startTimeoutMs: startTimeoutOf(environment),
  };
}

const KNOWN = ['launcher', 'memory', 'cpus', 'pids', 'network', 'verifyImage'] as const;
type Option = (typeof KNOWN)[number];

/** `name=value` among the options that Dataflow's clients may add; what else is there is somebody else's. */
function optionsIn({
  additionalPipelineOptions: given,
}: Record<string, unknown>): Partial<Record<Option, string>> {
  const options: Partial<Record<Option, string>> = {};
  for (const text of Array.isArray(given) ? given : []) {
    if (typeof text !== 'string') continue;
    const [, name, value = ''] = /^(?:--)?(\w+)(?:=(.*))?$/s.exec(text) ?? [];
    const known = KNOWN.find(each => each === name);
    if (known) options[known] = value.trim();
  }
  return options;
}

const UNITS: Record<string, number> = { '': 1, k: 1e3, ki: 1024, m: 1e6, mi: MIB, g: 1e9, gi: 1024 * MIB };

function bytesOf(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (!(bytes >= MIN_MEMORY && bytes <= totalmem()))
    throw refused(
      'memory',
      `is from 64MiB to ${Math.floor(totalmem() / MIB)}MiB, which this machine has, e.g. 512MiB, not ${text}`,
    );
  return bytes;
}

/** Refuses what only programs of somebody else's may do with. @throws SluiceError ENVIRONMENT_INVALID */
export function requireWorkerMemory({ memoryBytes }: ContainerLimits): void {
  if (memoryBytes < MIN_WORKER_MEMORY)
    throw refused(
      'memory',
      `is at least ${MIN_WORKER_MEMORY / MIB}MiB for a worker of Sluice, not ${Math.floor(memoryBytes / MIB)}MiB`,
    );
}

function coresOf(text: string): number {
  const cores = /^\d{1,4}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (cores >= 0.01 && cores <= availableParallelism()) return cores;
  throw refused('cpus', `is from 0.01 to ${availableParallelism()}, which this machine has, not ${text}`);
}

function wholeOf(name: string, text: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw refused(name, `is a whole number from ${min} to ${max}, not ${text}`);
}

/** MiB for each core, by the families of Google's machines. */
const FAMILIES: Record<string, number> = { standard: 4096, highmem: 8192, highcpu: 1024 };
/** Their newest ones differ in little that counts here. */
const MACHINE = /^[a-z]\d[a-z]?-(standard|highmem|highcpu)-(\d{1,3})$/;
const CUSTOM = /^(?:[a-z]\d[a-z]?-)?custom-(\d{1,3})-(\d{1,7})(?:-ext)?$/;

/** As much as this machine can give of what a machine of Google's would have. */
function machineOf(type: string | undefined): Pick<ContainerLimits, 'memoryBytes' | 'cpus'> {
  if (type === undefined)
    return { memoryBytes: Math.min(DEFAULT_MEMORY, totalmem()), cpus: availableParallelism() };
  const [, family = '', cores] = MACHINE.exec(type) ?? [];
  const [, customCores, megabytes] = CUSTOM.exec(type) ?? [];
  const asked = Number(cores ?? customCores);
  const memory = cores === undefined ? Number(megabytes) : asked * (FAMILIES[family] ?? 0);
  if (!(asked > 0 && memory > 0))
    throw refused('machineType', `is one such as e2-standard-2, n2-highmem-4 or custom-2-4096, not ${type}`);
  return {
    memoryBytes: Math.max(MIN_WORKER_MEMORY, Math.min(memory * MIB, totalmem())),
    cpus: Math.min(asked, availableParallelism()),
  };
}

function startTimeoutOf({ launchOptions: given }: Record<string, unknown>): number {
  const text =
    typeof given === 'object' && given !== null
      ? String((given as { ft_launch_timeout_secs?: unknown }).ft_launch_timeout_secs ?? '')
      : '';
  if (text === '' || text === '0') return DEFAULT_START_MS;
  return wholeOf('ft_launch_timeout_secs', text, 1, MAX_START_SECONDS) * 1000;
}

/** What gcloud leaves out it sends empty. */
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const refused = (subject: string, why: string): SluiceError =>
  new SluiceError('ENVIRONMENT_INVALID', `The job cannot be launched: ${subject} ${why}`, {
    violations: [{ subject, message: why }],
  });

/** The image that jobs run in which name none. */
export const workerImageOf = ({ workerImage }: Config, version: string): string =>
  workerImage ?? `sluice-worker:${version}`;
