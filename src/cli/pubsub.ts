import type { Command } from 'commander';

export function registerPubsub(program: Command): void {
  program.command('pubsub');
}
