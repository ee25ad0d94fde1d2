/** `sluice launch`: a job on a server. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { TemplateDescription } from '../catalog/describe.ts';
import { type Kind, kindOf, kinds } from '../catalog/kinds/index.ts';
import { parsePath } from '../catalog/kinds/path.ts';
import { SluiceError } from '../errors.ts';
import type { GivenParameters } from '../launch/prepare.ts';
import { defaultLocation, defaultProject } from '../launch/record.ts';
import { type Client, connect, mayBeDone, type ServerOptions, withServer } from './client.ts';
import { type ContainerOptions, environmentOf, withContainerOptions } from './container-options.ts';
import { wholeNumber } from './numbers.ts';
import { printJson } from './output.ts';
import { collector, collectParameters } from './parameters.ts';
import { getJob } from './server-job.ts';

export interface LaunchOptions extends ServerOptions, ContainerOptions {
  jobName?: string;
  parameters?: GivenParameters;
  numWorkers?: number;
  labels?: GivenParameters;
  update?: boolean;
  transformNameMapping?: GivenParameters;
  validateOnly?: boolean;
  wait?: boolean;
  project: string;
  region: string;
  json?: boolean;
}

export function registerLaunch(program: Command): void {
  const verb = withServer(program.command('launch'))
    .description('launch a template as a job of a server')
    .argument('<template>', 'its id or alias, or the path of a template file');
  withContainerOptions(withLaunch(verb)).action(launch);
}

/** Adds what a launch on a server may say. */
export const withLaunch = (command: Command): Command =>
  command
    .option('--job-name <name>', 'only one active job may have it; default: after the template and the time')
    .option('--parameters <k=v,…>', 'parameters, a JSON object, or @file; may repeat', collectParameters)
    .option('--num-workers <n>', 'workers that share the input', wholeNumber(1, 64))
    .option('--labels <k=v,…>', 'labels of the job; may repeat', collector('--labels'))
    .option('--update', 'take over from the active job of that name, without loss')
    .option(
      '--transform-name-mapping <old=new,…>',
      'with --update: what became of the names of transforms; may repeat',
      collector('--transform-name-mapping'),
    )
    .option('--validate-only', 'only check whether it could be launched')
    .option('--wait', 'wait until it has ended; the exit status is that of the job')
    .option('--project <id>', 'the project it belongs to', defaultProject)
    .option('--region <name>', 'the location it belongs to', defaultLocation)
    .option('--json', 'print one JSON document');

const launch = (template: string, options: LaunchOptions): Promise<void> => {
  const client = connect(options);
  const path = isLocalFile(template) && client.isLocal ? resolve(template) : template;
  return launchOn(client, template, { containerSpecGcsPath: path }, options);
};

/** Launches a template on a server. @param named how the request names it: by a path, or as the spec itself */
export async function launchOn(
  client: Client,
  template: string,
  named: { containerSpecGcsPath: string } | { containerSpec: object },
  options: LaunchOptions,
): Promise<void> {
  const { update = false, validateOnly = false, jobName, project, region, json = false } = options;
  if (update && jobName === undefined)
    throw new SluiceError('USAGE', '--update needs the --job-name of the job to take over from');
  const { launchOptions, ...environment } = environmentOf(options);
  const body = {
    launchParameter: {
      jobName: jobName ?? nameAfter(template),
      ...named,
      parameters: await parametersOf(client, template, options.parameters ?? {}),
      environment: {
        ...environment,
        ...(options.numWorkers !== undefined && { numWorkers: options.numWorkers }),
        ...(options.labels && { additionalUserLabels: texts(options.labels) }),
      },
      ...(launchOptions !== undefined && { launchOptions }),
      ...(update && { update }),
      ...(options.transformNameMapping && { transformNameMappings: texts(options.transformNameMapping) }),
    },
    validateOnly,
  };
  const path = `/v1b3/projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(region)}/flexTemplates:launch`;
  const { job: launched } = await client.post<{ job?: { id: string } }>(path, { body }).catch(error => {
    throw validateOnly || !mayBeDone(error) ? error : perhapsLaunched(error, body.launchParameter.jobName);
  });
  if (!launched) {
    if (json) printJson({ valid: true });
    else process.stdout.write(`${template} could be launched so\n`);
    return;
  }
  const job = await getJob(client, launched.id);
  if (options.wait) {
    const { waitForJob } = await import('./server-wait.ts');
    await waitForJob(client, job, json);
  } else if (json) printJson(job);
  else process.stdout.write(`${job.state}  job ${job.id}\n  sluice jobs wait ${job.name}\n`);
}

const perhapsLaunched = (error: Error, name: string): SluiceError =>
  new SluiceError(
    'SERVER_UNREACHABLE',
    `${error.message}; job ${name} may have been launched all the same: look with \`sluice jobs list --name ${name}\``,
    { cause: error },
  );

/** `Word_Count` at 10:00:12 becomes `word-count-20261120-100012`. */
export function nameAfter(template: string): string {
  const [, last = ''] = /([^/]*?)(?:\.[A-Za-z]+)?$/.exec(template) ?? [];
  const words =
    last
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^[^a-z]+|-+$/g, '') || 'job';
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${words.slice(0, 100)}-${time}`;
}

/** A path of this machine, as no id of a template is. */
export const isLocalFile = (template: string): boolean => /^\.{0,2}\/|^[^:]*\//.test(template);

/**
 * The parameters as text, as the API takes them. The server resolves paths where it runs, so those that the user
 * gave from the working directory are made absolute, if the server can see it.
 */
async function parametersOf(
  client: Client,
  template: string,
  given: GivenParameters,
): Promise<Record<string, string>> {
  const parameters = texts(given);
  if (!client.isLocal || Object.keys(parameters).length === 0) return parameters;
  for (const [name, kind] of await kindsOf(client, template)) {
    const value = parameters[name];
    if (value && kind?.isPath && !value.startsWith('udf://')) parameters[name] = parsePath(value) ?? value;
  }
  return parameters;
}

/** The kinds of a template's parameters: as the server knows it, or as the spec says that lies here. */
async function kindsOf(client: Client, template: string): Promise<[name: string, kind: Kind | undefined][]> {
  const id = template.split('/').at(-1) ?? template;
  const description = await client
    .get<Pick<TemplateDescription, 'parameters'>>(`/api/templates/${encodeURIComponent(id)}`)
    .catch(error => {
      if (error instanceof SluiceError && error.code !== 'SERVER_UNREACHABLE') return undefined;
      throw error;
    });
  if (description) return description.parameters.map(({ name, kind }) => [name, kinds.get(kind)]);
  if (!isLocalFile(template)) return [];
  const [{ loadConfig }, { parseSpec, readTemplateText }, { programTemplate }] = await Promise.all([
    import('../config.ts'),
    import('../flex/spec.ts'),
    import('../flex/program-template.ts'),
  ]);
  try {
    const spec = parseSpec(await readTemplateText(template, loadConfig()), template);
    const { properties } = programTemplate(spec, template).parameters;
    return Object.entries(properties).map(([name, schema]) => [name, kindOf(schema)]);
  } catch {
    // The launch says what is wrong with it, if anything is.
    return [];
  }
}

export function texts(given: GivenParameters): Record<string, string> {
  const pairs = Object.entries(given).filter(([, value]) => value !== null);
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  );
}
