/** `sluice run`: a template or a pipeline, in the foreground, with no server. */
import type { Command } from 'commander';
import type { GivenParameters } from '../launch/prepare.ts';
import { contained } from './contained.ts';
import { type ContainerOptions, environmentOf, withContainerOptions } from './container-options.ts';
import { wholeNumber } from './numbers.ts';
import { collectParameters } from './parameters.ts';

interface RunOptions extends ContainerOptions {
  pipeline?: string;
  parameters?: GivenParameters;
  numWorkers?: number;
  json?: boolean;
}

export function registerRun(program: Command): void {
  withContainerOptions(program.command('run'))
    .description('run a template, or a pipeline file, in the foreground')
    .argument('[template]', 'id or alias of a template')
    .option('--pipeline <file>', 'a Beam YAML file instead of a template')
    .option('--parameters <k=v,…>', 'parameters, a JSON object, or @file; may repeat', collectParameters)
    .option('--num-workers <n>', 'worker processes that share the input', wholeNumber(1, 64))
    .option('--json', 'print the summary as JSON')
    .action(run);
}

async function run(templateId: string | undefined, options: RunOptions): Promise<void> {
  const [{ loadConfig }, { prepareJob }, { keepTopics }, { openStore }, { launchForeground }, { followJob }] =
    await Promise.all([
      import('../config.ts'),
      import('../launch/prepare.ts'),
      import('../dlq/topic.ts'),
      import('../store/store.ts'),
      import('../launch/foreground.ts'),
      import('./follow.ts'),
    ]);
  const config = loadConfig();
  const rendered = await prepareJob(config, { templateId, ...options });
  const prepared = await contained(config, rendered, environmentOf(options));
  await keepTopics(prepared.job.deadLetters ?? [], config);
  const home = { config, store: openStore(config) };
  await launchForeground(home, prepared);
  await followJob(home, prepared, options);
  home.store.close();
}
