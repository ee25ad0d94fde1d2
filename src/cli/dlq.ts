/** `sluice dlq`: the dead letters of a job: which there are, what each says, and running them again. */
import { type Command, Option } from 'commander';
import { withOptionalServer } from './client.ts';
import type { ReplayOptions } from './dlq-replay.ts';
import type { ListOptions, ShowOptions } from './dlq-show.ts';
import { wholeNumber } from './numbers.ts';
import { collectParameters } from './parameters.ts';

const DEFAULT_ATTEMPTS = 10;
const DEFAULT_SHOWN = 10;

export function registerDlq(program: Command): void {
  const dlq = program.command('dlq').description('the dead letters of a job: list, show and replay them');
  const json = ['--json', 'print one JSON document'] as const;
  const job = ['<job>', 'the id that the launch printed'] as const;
  const code = ['--code <code>', 'only those with this error code'] as const;
  const subscription = () =>
    new Option('--subscription <name>', 'what keeps the letters of a dead-letter topic; default: our own');
  withOptionalServer(dlq.command('list'))
    .description('the dead letters of a job and of its replays, by error code and transform')
    .argument(...job)
    .option(...code)
    .addOption(subscription())
    .option(...json)
    .action(async (id: string, options: ListOptions) => (await import('./dlq-show.ts')).list(id, options));
  withOptionalServer(dlq.command('show'))
    .description('dead letters in full')
    .argument(...job)
    .argument('[id]', 'the id of one letter')
    .option(...code)
    .option('--limit <n>', 'how many at most', wholeNumber(1, 100_000), DEFAULT_SHOWN)
    .addOption(subscription())
    .option(...json)
    .action(async (id: string, letter: string | undefined, options: ShowOptions) =>
      (await import('./dlq-show.ts')).show(id, letter, options),
    );
  withOptionalServer(dlq.command('replay'))
    .description('run dead letters through the pipeline again, as a job of its own')
    .argument(...job)
    .option(...code)
    .option('--id <id>', 'only the letter of this id; may repeat', (id, before: string[] = []) => [
      ...before,
      id,
    ])
    .option('--udf <path>', 'another script for the function')
    .option('--function <name>', 'another function of the script')
    .option(
      '--parameters <k=v,…>',
      'parameters of the template to be changed, a JSON object, or @file; may repeat',
      collectParameters,
    )
    .option('--again', 'also those that were replayed before')
    .option(
      '--max-attempts <n>',
      'do not try again what was tried so often',
      wholeNumber(1, 1_000_000),
      DEFAULT_ATTEMPTS,
    )
    .addOption(subscription())
    .option('--json', 'print the summary as JSON')
    .action(async (id: string, options: ReplayOptions) =>
      (await import('./dlq-replay.ts')).replay(id, options),
    );
}
