/** `sluice jobs`: the jobs of a server: which there are, how one goes, what it says, and stopping it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { withServer } from './client.ts';
import type { ListOptions } from './jobs-list.ts';
import type { LogOptions } from './jobs-logs.ts';
import type { JobOptions } from './jobs-show.ts';
import { wholeNumber } from './numbers.ts';

const DEFAULT_LISTED = 50;
const SEVERITIES = ['DEBUG', 'INFO', 'WARNING', 'ERROR'];

export function registerJobs(program: Command): void {
  const jobs = program.command('jobs').description('the jobs of a server: list, show, follow and stop them');
  const verb = (name: string, description: string) =>
    withServer(jobs.command(name).description(description)).option('--json', 'print one JSON document');
  const onJob = (name: string, description: string) =>
    verb(name, description).argument('<job>', 'its id, or its name: that of the active one, or of the last');
  const onActive = (name: string, description: string) =>
    verb(name, description).argument('<job>', 'its id, or the name of an active one');

  verb('list', 'the jobs there are, the active ones first')
    .addOption(
      new Option('--status <which>', 'which ones').choices(['active', 'ended', 'all']).default('all'),
    )
    .option('--name <name>', 'only those of this name')
    .option('--limit <n>', 'how many at most', wholeNumber(1, 10_000), DEFAULT_LISTED)
    .action(async (options: ListOptions) => (await import('./jobs-list.ts')).list(options));
  onJob('show', 'how a job goes, and what it came to').action(async (job: string, options: JobOptions) =>
    (await import('./jobs-show.ts')).show(job, options),
  );
  onJob('metrics', 'what each transform of a job did').action(async (job: string, options: JobOptions) =>
    (await import('./jobs-show.ts')).metrics(job, options),
  );
  onJob('logs', 'what a job and the service said; with -f and --json a JSON document a line')
    .option('-f, --follow', 'go on until the job has ended')
    .addOption(
      new Option('--severity <least>', 'the least that is shown')
        .choices(SEVERITIES)
        .default('INFO')
        .argParser(severityOf),
    )
    .action(async (job: string, options: LogOptions) => (await import('./jobs-logs.ts')).logs(job, options));
  onActive('drain', 'let a streaming job end: it reads no more, and writes what it has read').action(
    async (job: string, options: JobOptions) => (await import('./jobs-stop.ts')).stop(job, 'drain', options),
  );
  onActive('cancel', 'end a job at once; what it has not yet published is given up').action(
    async (job: string, options: JobOptions) => (await import('./jobs-stop.ts')).stop(job, 'cancel', options),
  );
  onJob('wait', 'wait until a job has ended; the exit status is that of the job').action(
    async (job: string, options: JobOptions) => (await import('./jobs-stop.ts')).wait(job, options),
  );
}

function severityOf(text: string): string {
  const severity = text.toUpperCase();
  if (SEVERITIES.includes(severity)) return severity;
  throw new InvalidArgumentError(`Allowed choices are ${SEVERITIES.join(', ')}.`);
}
