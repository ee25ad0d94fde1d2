/** Options of the verbs that launch jobs: whether in containers, and with how much of the machine. */
import { type Command, Option } from 'commander';
import { wholeNumber } from './numbers.ts';

const MAX_START_SECONDS = 24 * 60 * 60;

export interface ContainerOptions {
  launcher?: 'process' | 'docker';
  workerImage?: string;
  memory?: string;
  cpus?: string;
  pids?: string;
  network?: 'none' | 'jobs';
  verify?: boolean;
  /** In seconds. */
  startTimeout?: number;
}

/** Adds `--launcher` and what is said of containers. */
export function withContainerOptions(command: Command): Command {
  command
    .addOption(new Option('--launcher <name>', 'run workers as').choices(['process', 'docker']))
    .option('--worker-image <image>', 'the image of their containers; implies --launcher docker');
  return withLimits(command);
}

/** Adds what is said of containers to a verb whose jobs always run in them. */
export const withLimits = (command: Command): Command =>
  command
    .option('--memory <size>', 'memory of a container, e.g. 512MiB (default: 2GiB)')
    .option('--cpus <n>', 'cores of a container, e.g. 1.5 (default: all)')
    .option('--pids <n>', 'processes and threads of a container (default: 512)')
    .addOption(
      new Option('--network <name>', 'none, or the one that jobs share (default: as needed)').choices([
        'none',
        'jobs',
      ]),
    )
    .option('--verify', 'refuse an image that no registry vouches for')
    .option(
      '--start-timeout <seconds>',
      'how long a container may take until it works (default: 300)',
      wholeNumber(1, MAX_START_SECONDS),
    );

/** The same as Dataflow's environment says it; empty where nothing is asked. */
export function environmentOf(options: ContainerOptions): Record<string, unknown> {
  const { launcher, workerImage, memory, cpus, pids, network, verify, startTimeout } = options;
  const asked = { launcher, memory, cpus, pids, network, verifyImage: verify };
  const pairs = Object.entries(asked).filter(([, value]) => value !== undefined);
  return {
    ...(pairs.length > 0 && { additionalPipelineOptions: pairs.map(pair => pair.join('=')) }),
    ...(workerImage !== undefined && { sdkContainerImage: workerImage }),
    ...(startTimeout !== undefined && { launchOptions: { ft_launch_timeout_secs: String(startTimeout) } }),
  };
}
