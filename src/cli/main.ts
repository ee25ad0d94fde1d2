/** The `sluice` command: one file per verb, loaded when it is called. */
import { Command, CommanderError } from 'commander';
import { errorKinds } from '../errors.ts';
import { VERSION } from '../program.ts';
import { registerDlq } from './dlq.ts';
import { registerFlex } from './flex.ts';
import { registerJobs } from './jobs.ts';
import { registerLaunch } from './launch.ts';
import { failWith } from './output.ts';
import { registerPreview } from './preview.ts';
import { registerPubsub } from './pubsub.ts';
import { registerQuery } from './query.ts';
import { registerResume } from './resume.ts';
import { registerRun } from './run.ts';
import { registerServe } from './serve.ts';
import { registerTemplates } from './templates.ts';
import { registerToken } from './token.ts';
import { registerUdf } from './udf.ts';

const program = new Command('sluice')
  .description('Ready-made data pipelines: pick a template, bring a JavaScript function, run it anywhere.')
  .version(VERSION)
  .showSuggestionAfterError()
  .exitOverride();

for (const register of [
  registerTemplates,
  registerRun,
  registerResume,
  registerLaunch,
  registerJobs,
  registerFlex,
  registerPreview,
  registerDlq,
  registerUdf,
  registerPubsub,
  registerQuery,
  registerServe,
  registerToken,
]) {
  register(program);
}

// Whoever reads us may have read enough, as `head` does.
process.stdout.on('error', () => process.exit());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : errorKinds.USAGE.exit;
  else failWith(error, process.argv.includes('--json'));
}
