/** `sluice flex run`: a template in an image, in the foreground or on a server. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SluiceError } from '../errors.ts';
import { connectIfNamed, withOptionalServer } from './client.ts';
import { contained } from './contained.ts';
import { environmentOf, withLimits } from './container-options.ts';
import { type LaunchOptions, launchOn, nameAfter, texts, withLaunch } from './launch.ts';

export function registerFlexRun(flex: Command): void {
  const verb = withOptionalServer(flex.command('run'))
    .description('run a template in an image: in the foreground, or as a job of the server that is named')
    .argument('<spec>', 'the file of the template: a local path or gs://');
  withLimits(withLaunch(verb)).action(run);
}

async function run(given: string, options: LaunchOptions): Promise<void> {
  const isElsewhere = /^(?:gs|s3):\/\//.test(given);
  const spec = isElsewhere ? given : resolve(given);
  const client = connectIfNamed(options);
  if (!client) return runHere(spec, options);
  // A server may be elsewhere: what lies here is sent to it.
  if (isElsewhere) return launchOn(client, spec, { containerSpecGcsPath: spec }, options);
  const [{ loadConfig }, { parseSpec, readTemplateText }] = await Promise.all([
    import('../config.ts'),
    import('../flex/spec.ts'),
  ]);
  const containerSpec = parseSpec(await readTemplateText(spec, loadConfig()), spec);
  return launchOn(client, spec, { containerSpec }, options);
}

async function runHere(spec: string, options: LaunchOptions): Promise<void> {
  if (options.update || options.validateOnly)
    throw new SluiceError('USAGE', '--update and --validate-only need a server: name it with --server');
  const [{ loadConfig }, { prepareJob }, { findTemplate }, { keepTopics }, { openStore }, ...launching] =
    await Promise.all([
      import('../config.ts'),
      import('../launch/prepare.ts'),
      import('../service/templates.ts'),
      import('../dlq/topic.ts'),
      import('../store/store.ts'),
      import('../launch/foreground.ts'),
      import('./follow.ts'),
    ]);
  const [{ launchForeground }, { followJob }] = launching;
  const config = loadConfig();
  const { template, image, defaultEnvironment } = await findTemplate(config, spec);
  const environment = { ...defaultEnvironment, ...environmentOf(options) };
  const { jobName = nameAfter(spec), parameters, numWorkers } = options;
  const rendered = await prepareJob(config, {
    template,
    parameters,
    jobName,
    ...(numWorkers !== undefined && { numWorkers }),
  });
  const named = { template, ...(image !== undefined && { image }) };
  const prepared = await contained(config, rendered, environment, named);
  await keepTopics(prepared.job.deadLetters ?? [], config);
  const home = { config, store: openStore(config) };
  const { project: projectId, region: location, labels } = options;
  await launchForeground(home, prepared, {
    name: jobName,
    environment,
    projectId,
    location,
    ...(labels && { labels: texts(labels) }),
  });
  await followJob(home, prepared, options);
  home.store.close();
}
