/** docs/transforms.md: every source, transform and sink, as each declares itself. */
import type { Component, Example } from '../../src/engine/component.ts';

/** The text of docs/transforms.md. */
export function renderTransformsPage(registry: ReadonlyMap<string, Component>): string {
  const components = [...registry.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const ofKind = (kind: Component['kind']) => components.filter(each => each.kind === kind);
  return `<!-- Made from the declarations in src/ by \`npm run docs\`: change those, not this file. -->

# Transforms

What a pipeline may name as \`type\`. Pipelines are written in [Beam YAML](https://beam.apache.org/documentation/sdks/yaml/);
every transform also takes \`name\`, \`input\` and \`windowing\`, and in its config, sources excepted,
\`error_handling: {output: NAME, threshold: SHARE}\`: failed elements then go to \`TRANSFORM.NAME\`, which another
transform must read, and more than that share of them ends the job. Keys in bold are required.

A file may define transforms of its own, and use them by their names:

\`\`\`yaml
providers:
  - type: yaml
    transforms:
      KeepLarge:
        config_schema:
          properties: {field: {type: string}, least: {type: integer}}
        body:
          type: chain
          transforms:
            - {type: Filter, config: {keep: "{{ field }} >= {{ least }}"}}
\`\`\`

The body is a transform, or the text of one; \`{{ name }}\` stands for what the config of a use says, which
\`config_schema\` (a JSON Schema) checks. A chain reads what flows in; in other bodies \`input\` is its name. One that reads
from the outside says \`requires_inputs: false\`. Bodies may use each other, but not themselves.

${SECTIONS.map(([kind, title]) => section(title, ofKind(kind))).join('\n\n')}
`;
}

const SECTIONS: [Component['kind'], string][] = [
  ['source', 'Sources'],
  ['transform', 'Transforms'],
  ['sink', 'Sinks'],
];

const section = (title: string, components: Component[]): string =>
  [`## ${title}`, ...components.map(entry)].join('\n\n');

function entry({ name, summary, description, config, examples }: Component): string {
  const table = configTable(config as Schema);
  const parts = [
    `### ${name}`,
    summary,
    description ?? '',
    table || 'It has no config.',
    ...examples.map(example),
  ];
  return parts.filter(part => part !== '').join('\n\n');
}

/** As much of JSON Schema as the table shows. */
interface Schema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

function configTable(schema: Schema): string {
  const rows = configRows(schema, '');
  return rows.length === 0 ? '' : ['| key | type | what it is |', '|---|---|---|', ...rows].join('\n');
}

function configRows({ properties = {}, required = [] }: Schema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const name = `\`${prefix}${key}\``;
    const cells = [required.includes(key) ? `**${name}**` : name, typeOf(schema), meaning(schema)];
    return [`| ${cells.map(cell).join(' | ')} |`, ...configRows(schema, `${prefix}${key}.`)];
  });
}

function typeOf({ type, enum: values, items, oneOf, anyOf }: Schema): string {
  if (values) return values.map(value => `\`${String(value)}\``).join(', ');
  const choices = oneOf ?? anyOf;
  if (type === undefined && choices) return choices.map(typeOf).join(' or ');
  if (type === 'array' && items) return `list of ${typeOf(items)}`;
  return [type ?? 'any'].flat().map(word).join(' or ');
}

const WORDS: Record<string, string> = { string: 'text', object: 'mapping', array: 'list' };
const word = (type: string): string => WORDS[type] ?? type;

function meaning({ description = '', default: standard }: Schema): string {
  if (standard === undefined) return description;
  return `${description} Default: \`${JSON.stringify(standard)}\`.`.trim();
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function example({ title, yaml, output }: Example): string {
  const parts = [`*${title}*`, fence('yaml', yaml)];
  if (output && output.length > 0) parts.push('gives', fence('', output.join('\n')));
  return parts.join('\n\n');
}

const fence = (language: string, text: string): string => `\`\`\`${language}\n${text.trim()}\n\`\`\``;
