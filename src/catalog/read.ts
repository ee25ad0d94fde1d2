/** Reads a template file: its groups merged, its names, defaults and expressions checked, its pipeline compiled. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError, systemCode, type Violation } from '../errors.ts';
import { placeOf } from '../pipeline/yaml.ts';
import { parseGroupFile, parseTemplateFile, templateFault } from './check.ts';
import { kindOf, kinds } from './kinds/index.ts';
import type { ParameterGroup, ParameterSchema, ParametersSchema, TemplateFile } from './meta-schema.ts';
import { compilePipeline } from './render.ts';
import { namesIn } from './rules.ts';
import type { Template, TemplateSummary } from './template.ts';
import { GROUPS_FOLDER, readText } from './template-file.ts';

/**
 * The template that a summary names; throws TEMPLATE_INVALID with the place of every fault.
 * @param named how the file is called in faults, these and those of the pipeline
 */
export async function readTemplate(
  file: string,
  origin: TemplateSummary['origin'],
  shippedFolder: string,
  named = file,
): Promise<Template> {
  const content = parseTemplateFile(await readText(file), named);
  const groups = await Promise.all(
    (content.parameterGroups ?? []).map(async name => {
      const group = await readGroup(name, file, shippedFolder, content);
      return parseGroupFile(group.text, group.file);
    }),
  );
  const parameters = mergeGroups(content.parameters, groups);
  const faults: Violation[] = [];
  const report = (place: string | undefined, message: string) =>
    void faults.push({ subject: place ?? `${named}:1:1`, message });
  checkNames(parameters, content, report);
  for (const [name, schema] of Object.entries(parameters.properties)) checkKind(name, schema, report);
  const names = new Set(Object.keys(parameters.properties));
  const pipeline = content.pipeline && compilePipeline(content.pipeline, names, report);
  if (faults.length > 0) throw templateFault(faults);
  return {
    id: content.id,
    aliases: content.aliases ?? [],
    title: content.title,
    category: content.category,
    streaming: content.streaming,
    description: content.description.trim(),
    file,
    origin,
    parameters,
    pipeline,
    written: content.pipeline,
    pipelineFrom: content.pipelineFrom,
    tests: content.tests ?? [],
  };
}

/**
 * The file of a group that a template names: a user's own comes before a shipped one of the same name.
 * @param file the template's
 * @throws SluiceError TEMPLATE_INVALID where there is none
 */
export async function readGroup(
  name: string,
  file: string,
  shippedFolder: string,
  content: TemplateFile,
): Promise<{ file: string; text: string }> {
  const folders = [join(dirname(dirname(file)), GROUPS_FOLDER), join(shippedFolder, GROUPS_FOLDER)];
  for (const folder of /^[\w-]+$/.test(name) ? folders : []) {
    const group = join(folder, `${name}.yaml`);
    try {
      return { file: group, text: await readFile(group, 'utf8') };
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
  const index = content.parameterGroups?.indexOf(name) ?? 0;
  const place = placeOf(content.parameterGroups ?? content, index);
  throw new SluiceError('TEMPLATE_INVALID', `${place}: there is no parameter group ${name}`);
}

/** The template's own parameters, then those of its groups, where it has none of that name. */
function mergeGroups(own: ParametersSchema, groups: ParameterGroup[]): ParametersSchema {
  const merged: ParametersSchema = { ...own, properties: { ...own.properties } };
  for (const { properties, dependentRequired, allOf } of groups) {
    for (const [name, schema] of Object.entries(properties)) merged.properties[name] ??= schema;
    if (dependentRequired) merged.dependentRequired = { ...dependentRequired, ...merged.dependentRequired };
    if (allOf) merged.allOf = [...(merged.allOf ?? []), ...allOf];
  }
  return merged;
}

type Report = (place: string | undefined, message: string) => void;

/** Every name in a rule is a parameter's; `pipelineFrom` names parameters too. */
function checkNames(
  parameters: ParametersSchema,
  { parameters: own, pipelineFrom }: TemplateFile,
  report: Report,
): void {
  for (const name of namesIn(parameters))
    if (!Object.hasOwn(parameters.properties, name))
      report(placeOf(own), `a rule of the parameters names ${name}, which is not among them`);
  for (const [key, name] of Object.entries(pipelineFrom ?? {}))
    if (!Object.hasOwn(parameters.properties, name))
      report(placeOf(pipelineFrom ?? own, key), `${name} is no parameter of the template`);
}

/** A format is a known kind, and the default and the examples of a parameter are of its own kind. */
function checkKind(name: string, schema: ParameterSchema, report: Report): void {
  if (schema.format !== undefined && !kinds.has(schema.format))
    report(
      placeOf(schema, 'format'),
      `there is no parameter kind ${schema.format}: ${[...kinds.keys()].join(', ')}`,
    );
  const kind = kindOf(schema);
  for (const [key, value] of [
    ['default', schema.default],
    ...(schema.examples ?? []).map(each => ['examples', each]),
  ] as const) {
    if (value === undefined || typeof value === 'object') continue;
    const isEmpty = value === '' && !kind.takesEmpty;
    if (isEmpty || kind.parse(String(value), schema) === undefined)
      report(placeOf(schema, String(key)), `${name}: ${key} ${value} is not ${kind.expected(schema)}`);
  }
}
