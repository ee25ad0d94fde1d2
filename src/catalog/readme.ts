/** The README.md of a template, made from its file. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shippedTemplates, templatesIn } from './catalog.ts';
import { describe, type ParameterDescription, type TemplateDescription } from './describe.ts';
import { readTemplate } from './read.ts';
import { TEMPLATE_FILE } from './template-file.ts';

/**
 * Writes the README.md of every shipped template, where it is not up to date.
 * @param check only look
 * @returns the files that were, or would be, changed
 */
export async function generateTemplateReadmes(
  check = false,
  folder: string = shippedTemplates,
): Promise<string[]> {
  const changed: string[] = [];
  for (const { id } of await templatesIn(folder, 'shipped')) {
    const template = await readTemplate(join(folder, id, TEMPLATE_FILE), 'shipped', folder);
    const file = join(folder, id, 'README.md');
    const text = templateReadme(describe(template));
    if (text === (await readFile(file, 'utf8').catch(() => ''))) continue;
    changed.push(file);
    if (!check) await writeFile(file, text);
  }
  return changed;
}

/** The text of a template's README.md. */
export function templateReadme(template: TemplateDescription): string {
  const { id, title, description, aliases, streaming, parameters, rules, example, takesUdf } = template;
  const required = parameters.filter(each => each.required);
  const optional = parameters.filter(each => !each.required);
  const sections = [
    '<!-- Made from template.yaml by `npm run docs`: change that file, not this one. -->',
    `# ${title}`,
    `\`${id}\`${aliases.length > 0 ? ` (also \`${aliases.join('`, `')}\`)` : ''}, a ${streaming ? 'streaming' : 'batch'} template.`,
    escaped(description),
    '## Run it',
    `\`\`\`sh\n${example}\n\`\`\``,
    required.length > 0 ? `## Required parameters\n\n${required.map(parameterEntry).join('\n')}` : '',
    optional.length > 0 ? `## Optional parameters\n\n${optional.map(parameterEntry).join('\n')}` : '',
    rules.length > 0 ? `## Rules\n\n${rules.map(rule => `* ${rule}`).join('\n')}` : '',
    takesUdf ? UDF_SECTION : '',
  ];
  return `${sections.filter(section => section !== '').join('\n\n')}\n`;
}

const UDF_SECTION = `## Your function

It takes the element as text and returns text. \`null\`, \`undefined\` and \`''\` filter the element out; an error, any
other value, or a broken limit of time, memory or size makes it a dead letter.

\`\`\`js
function transform(text) {
  const record = JSON.parse(text);
  record.seen = true;
  return JSON.stringify(record);
}
\`\`\``;

function parameterEntry({
  name,
  description,
  requiredWhen,
  default: standard,
  examples,
  ...rest
}: ParameterDescription) {
  const facts = [
    rest.kind === 'enum' ? `One of ${rest.enum?.map(each => `\`${each}\``).join(', ')}.` : '',
    requiredWhen ? `Required when ${requiredWhen}.` : '',
    standard === undefined ? '' : `Default: ${standard === '' ? 'empty' : `\`${standard}\``}.`,
    examples.length > 0 && rest.kind !== 'enum'
      ? `For example ${examples.map(each => `\`${each}\``).join(', ')}.`
      : '',
  ];
  return [`* **${name}** (${rest.kind}): ${escaped(description)}`, ...facts.filter(each => each !== '')].join(
    ' ',
  );
}

/** Markdown reads an HTML tag in angle brackets; nothing else in our descriptions means anything to it. */
const escaped = (text: string): string => text.replaceAll('<', '&lt;').replaceAll('*', '\\*');
