/** The catalog, for those who choose a template: search, and everything there is to tell of one. */
import { currentCatalog } from '../catalog/cached.ts';
import type { ListedTemplate } from '../catalog/catalog.ts';
import { describe, exampleParameters, quoted, type TemplateDescription } from '../catalog/describe.ts';
import type { ParametersSchema } from '../catalog/meta-schema.ts';
import { templateReadme } from '../catalog/readme.ts';
import type { Config } from '../config.ts';
import { defaultLocation, defaultProject } from '../launch/record.ts';

export interface TemplateQuery {
  /** Words that id, aliases, title or description hold, in any case. */
  query?: string;
  category?: string;
  streaming?: boolean;
}

/** The templates that match, by id; one that cannot be read has a `fault`, and is found by its id alone. */
export async function searchTemplates(config: Config, { query = '', ...asked }: TemplateQuery) {
  const words = query.toLowerCase().split(/\s+/);
  const all = await (await currentCatalog(config)).list();
  return all
    .filter(each => isAsked(each, asked) && holdsAll(each, words))
    .map(({ file: _, ...told }) => told);
}

function isAsked(template: ListedTemplate, { category, streaming }: Omit<TemplateQuery, 'query'>): boolean {
  if ('fault' in template) return category === undefined && streaming === undefined;
  return (
    (category === undefined || template.category === category) &&
    (streaming === undefined || template.streaming === streaming)
  );
}

function holdsAll(template: ListedTemplate, words: readonly string[]): boolean {
  const texts =
    'fault' in template
      ? [template.id]
      : [template.id, ...template.aliases, template.title, template.description];
  const text = texts.join('\n').toLowerCase();
  return words.every(word => text.includes(word));
}

export interface TemplateDetails extends TemplateDescription {
  /** JSON Schema 2020-12 of the parameters. */
  schema: ParametersSchema;
  /** The same launch, with the least that it needs, for each way to ask for it. */
  examples: { sluice: string; gcloud: string; curl: string; body: object };
}

/** @throws SluiceError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID */
export async function templateDetails(config: Config, idOrAlias: string): Promise<TemplateDetails> {
  const template = await (await currentCatalog(config)).find(idOrAlias);
  const description = describe(template);
  return {
    ...description,
    schema: template.parameters,
    examples: examplesOf(description.id, exampleParameters(template)),
  };
}

/** The text of its README, in Markdown. @throws SluiceError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID */
export async function readmeOf(config: Config, idOrAlias: string): Promise<string> {
  return templateReadme(describe(await (await currentCatalog(config)).find(idOrAlias)));
}

/** Where the examples of the catalog find the server. */
const SERVER = 'http://127.0.0.1:8080';
/** Between parameters, where one may hold a comma. */
const SEPARATOR = '^~^';

function examplesOf(id: string, parameters: Record<string, unknown>): TemplateDetails['examples'] {
  const name = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return launchCommands({ id, name, parameters, server: SERVER });
}

export interface CommandedLaunch {
  /** A template's, or the path of a spec. */
  id: string;
  /** Of the job. */
  name: string;
  parameters: Record<string, unknown>;
  /** `http://127.0.0.1:8080`. */
  server: string;
  workers?: number;
  labels?: Readonly<Record<string, string>>;
  /** How its workers are started: launcher, memory, cpus. */
  containers?: Readonly<Record<string, string>>;
  update?: boolean;
}

/** One launch, for each way to ask for it. */
export function launchCommands(launch: CommandedLaunch): TemplateDetails['examples'] {
  const { id, name, parameters, server, workers, labels = {}, containers = {}, update = false } = launch;
  const path = id.includes('/') ? id : `gs://dataflow-templates/latest/flex/${id}`;
  const texts = pairsOf(parameters);
  const labelled = pairsOf(labels);
  const contained = pairsOf(containers);
  const environment = {
    ...(workers !== undefined && { numWorkers: workers }),
    ...(labelled.length > 0 && { additionalUserLabels: labels }),
    ...(contained.length > 0 && { additionalPipelineOptions: contained }),
  };
  const body = {
    launchParameter: {
      jobName: name,
      containerSpecGcsPath: path,
      parameters: Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, String(value)])),
      ...(Object.keys(environment).length > 0 && { environment }),
      ...(update && { update }),
    },
  };
  const route = `/v1b3/projects/${defaultProject}/locations/${defaultLocation}/flexTemplates:launch`;
  return {
    sluice: lines(`sluice launch ${quoted(id)}`, [
      `--job-name ${name}`,
      ...texts.map(text => `--parameters ${quoted(text)}`),
      ...(workers === undefined ? [] : [`--num-workers ${workers}`]),
      ...labelled.map(text => `--labels ${quoted(text)}`),
      ...Object.entries(containers).map(([key, value]) => `--${key} ${quoted(value)}`),
      ...(update ? ['--update'] : []),
    ]),
    gcloud: lines(`gcloud dataflow flex-template run ${name}`, [
      `--project ${defaultProject} --region ${defaultLocation}`,
      `--template-file-gcs-location ${quoted(path)}`,
      ...(texts.length > 0 ? [`--parameters ${quoted(SEPARATOR + texts.join('~'))}`] : []),
      ...(workers === undefined ? [] : [`--num-workers ${workers}`]),
      ...(labelled.length > 0 ? [`--additional-user-labels ${quoted(labelled.join(','))}`] : []),
      ...(contained.length > 0 ? [`--additional-pipeline-options ${quoted(contained.join(','))}`] : []),
      ...(update ? ['--update'] : []),
    ]),
    curl: lines(`curl ${server}${route}`, [
      "-H 'content-type: application/json'",
      `-d ${quoted(JSON.stringify(body))}`,
    ]),
    body,
  };
}

const pairsOf = (values: object): string[] => Object.entries(values).map(([key, value]) => `${key}=${value}`);

const lines = (command: string, options: readonly string[]): string => [command, ...options].join(' \\\n  ');
