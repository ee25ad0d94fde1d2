/** `sluice udf`: what UDFs there are, uploading one, whether one does what its cases say, and what it does to given elements. */
import { type Command, Option } from 'commander';
import { SluiceError } from '../errors.ts';
import { defaultLimits } from '../udf/limits.ts';
import { withOptionalServer } from './client.ts';
import { failWith } from './output.ts';
import type { ListOptions, UploadOptions } from './udf-library.ts';

export interface RunOptions {
  function?: string;
  timeoutMs: number;
  memoryMb: number;
  maxOutputBytes: number;
  context?: boolean;
}

export function registerUdf(program: Command): void {
  const udf = program.command('udf').description('list, upload, test and run JavaScript functions');
  const json = ['--json', 'print one JSON document'] as const;
  withOptionalServer(udf.command('list'))
    .description('the functions of the library, each with its latest version')
    .option(...json)
    .action(guarded(async (options: ListOptions) => (await import('./udf-library.ts')).listUdfs(options)));
  withOptionalServer(udf.command('upload'))
    .description('make a script the latest of its name in the library; the ones before it stay')
    .argument('<file>', 'a .js file, or an ES module in a .mjs file')
    .option('--name <name>', 'default: the name of the file')
    .option('--cases <file>', 'a cases.json to test it by')
    .option(...json)
    .action(
      guarded(async (file: string, options: UploadOptions) =>
        (await import('./udf-library.ts')).uploadUdf(file, options),
      ),
    );
  withOptionalServer(udf.command('test [paths...]'))
    .description('run the cases of a script, of a folder, of udf://name, or of the whole library')
    .option(...json)
    .action(
      guarded(async (paths: string[], options: ListOptions) =>
        (await import('./udf-test.ts')).testUdfs(paths, options),
      ),
    );
  udf
    .command('run <file>')
    .description('pass the lines of standard input through a function, and print one JSON line for each')
    .option('--function <name>', 'the function; default: process, or else transform')
    .addOption(limit('--timeout-ms <n>', 'the most one element may take', defaultLimits.timeoutMs, 600_000))
    .addOption(
      limit('--memory-mb <n>', 'the most memory the script may use', defaultLimits.memoryMb, 4096, 16),
    )
    .addOption(limit('--max-output-bytes <n>', 'the largest output', defaultLimits.maxOutputBytes, 64 << 20))
    .option('--context', 'lines are {"payload": …, "context": {…}}')
    .action(
      guarded(async (file: string, options: RunOptions) => {
        const { runUdf } = await import('./udf-run.ts');
        await runUdf(file, options);
      }),
    );
}

/** Tells an error as the options of the command ask. */
function guarded<Given extends unknown[]>(action: (...given: Given) => Promise<void>) {
  return async (...given: Given) => {
    try {
      await action(...given);
    } catch (error) {
      failWith(error, process.argv.includes('--json'));
    }
  };
}

function limit(flags: string, description: string, fallback: number, most: number, least = 1): Option {
  return new Option(flags, description).default(fallback).argParser(text => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    const name = flags.split(' ')[0];
    throw new SluiceError(
      'USAGE',
      `${name} must be a whole number from ${least} to ${most}, and is '${text}'`,
    );
  });
}
