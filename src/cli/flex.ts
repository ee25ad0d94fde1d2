/** `sluice flex`: templates in images. */
import type { Command } from 'commander';
import { registerFlexBuild } from './flex-build.ts';

export function registerFlex(program: Command): void {
  const flex = program.command('flex').description('build templates into images');
  registerFlexBuild(flex);
}
