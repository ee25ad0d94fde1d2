import type { Command } from 'commander';

export function registerTemplates(program: Command): void {
  program.command('templates');
}
