/** `sluice resume`: goes on with a job that was interrupted, from its checkpoint. */
import type { Command } from 'commander';

export function registerResume(program: Command): void {
  program
    .command('resume')
    .description('go on with an interrupted job, from its checkpoint')
    .argument('<job>', 'the id that the launch printed')
    .option('--json', 'print the summary as JSON')
    .action(resume);
}

async function resume(jobId: string, options: { json?: boolean }): Promise<void> {
  const [{ loadConfig }, { loadJob }, { graphOf }, { openStore }, { resumeForeground }, { followJob }] =
    await Promise.all([
      import('../config.ts'),
      import('../jobs/job.ts'),
      import('../worker/graph.ts'),
      import('../store/store.ts'),
      import('../launch/foreground.ts'),
      import('./follow.ts'),
    ]);
  const config = loadConfig();
  const job = await loadJob(config, jobId);
  const prepared = { job, graph: graphOf(job) };
  const store = openStore(config);
  await resumeForeground({ config, store }, prepared);
  await followJob({ config, store }, prepared, options);
  store.close();
}
