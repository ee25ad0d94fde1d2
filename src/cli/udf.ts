import type { Command } from 'commander';

export function registerUdf(program: Command): void {
  program.command('udf');
}
