import type { Command } from 'commander';

export function registerResume(program: Command): void {
  program.command('resume');
}
