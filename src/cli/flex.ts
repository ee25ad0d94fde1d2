/** `sluice flex`: templates in images. */
import type { Command } from 'commander';
import { registerFlexBuild } from './flex-build.ts';
import { registerFlexRun } from './flex-run.ts';

export function registerFlex(program: Command): void {
  const flex = program.command('flex').description('templates in images: build them, and run them');
  registerFlexBuild(flex);
  registerFlexRun(flex);
}
