/** How a container is made: with no right that its work does not need. */
import { totalmem } from 'node:os';
import type { ContainerCreateOptions, MountSettings } from 'dockerode';
import type { Config } from '../../config.ts';
import type { ContainerLimits, JobContainer } from '../../worker/container.ts';
import { containerName, homeHash, labels } from './names.ts';
import { containerOwner } from './owner.ts';

/** What differs between containers: what runs in them, and what they see of this machine. */
export interface ContainerErrand {
  jobId: string;
  index: number;
  /** The worker's own among all that ever ran. */
  token: string;
  container: JobContainer;
  command: string[];
  environment: Record<string, string>;
  /** Where it begins; absent: as the image says. */
  workingDirectory?: string;
  mounts: BindMount[];
  /** The name of the network, or `none`. */
  network: string;
}

export interface BindMount {
  /** On this machine. */
  source: string;
  /** In the container. */
  target: string;
  isWritable: boolean;
}

const MIB = 1 << 20;
const TEMPORARY_BYTES = 64 * MIB;
/** The UDFs' children and their worker hand batches to each other there: as much for each that runs at a time. */
const SHARED_BYTES = 64 * MIB;

export function containerOptions(errand: ContainerErrand, config: Config): ContainerCreateOptions {
  const { jobId, index, token, container, command, environment, workingDirectory, mounts, network } = errand;
  const { uid, gid } = containerOwner();
  return {
    name: containerName(jobId, index),
    Image: container.imageId,
    Cmd: command,
    User: `${uid}:${gid}`,
    ...(workingDirectory !== undefined && { WorkingDir: workingDirectory }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [labels.home]: homeHash(config),
      [labels.job]: jobId,
      [labels.worker]: String(index),
      [labels.token]: token,
    },
    // Nobody types at it.
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      ...hardening,
      ...limitsOf(container.limits),
      NetworkMode: network,
      Mounts: mounts.map(settingsOf),
    },
  };
}

const hardening = {
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  ReadonlyRootfs: true,
  Privileged: false,
  Tmpfs: { '/tmp': `rw,noexec,nosuid,nodev,size=${TEMPORARY_BYTES}` },
  // It reaps what others leave behind, and passes signals on.
  Init: true,
  IpcMode: 'private',
  // What a crash leaves holds secrets.
  Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
  LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
  RestartPolicy: { Name: 'no' },
  AutoRemove: false,
};

function limitsOf({ memoryBytes, cpus, pids }: ContainerLimits) {
  return {
    Memory: memoryBytes,
    // Nothing is swapped: it would be slow for all, and hide what is wrong.
    MemorySwap: memoryBytes,
    NanoCpus: Math.round(cpus * 1e9),
    PidsLimit: pids,
    ShmSize: Math.min(SHARED_BYTES * Math.max(1, Math.ceil(cpus)), totalmem()),
  };
}

const settingsOf = ({ source, target, isWritable }: BindMount): MountSettings => ({
  Type: 'bind',
  Source: source,
  Target: target,
  ReadOnly: !isWritable,
  Consistency: 'default',
  BindOptions: { Propagation: 'rprivate' },
});
