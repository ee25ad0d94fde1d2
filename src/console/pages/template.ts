/** One template: what it is, what it takes, what its pipeline looks like, and how it is launched. */
import { currentCatalog } from '../../catalog/cached.ts';
import { describe, exampleParameters, type ParameterDescription } from '../../catalog/describe.ts';
import type { OutlineNode } from '../../catalog/outline.ts';
import { launchCommands } from '../../service/catalog.ts';
import { templateFacts, templateOutline } from '../../service/outlines.ts';
import { type PipelineNode, pictureOf } from '../graph.ts';
import type { Page } from '../page.ts';

const categories: Record<string, string> = {
  GET_STARTED: 'Get started',
  STREAMING: 'Streaming',
  BATCH: 'Batch',
  UTILITIES: 'Utilities',
};

export const templatePage: Page = {
  method: 'get',
  path: '/templates/:id',
  section: 'templates',
  role: 'viewer',
  async answer({ path: { id = '' }, origin }, { config }) {
    const template = await (await currentCatalog(config)).find(id);
    const description = describe(template);
    const outline = templateOutline(template);
    const { sluice, gcloud, curl } = launchCommands({
      id: description.id,
      name: description.id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
      parameters: exampleParameters(template),
      server: origin,
    });
    const model = {
      template: { ...description, ...templateFacts(template) },
      category: categories[description.category] ?? description.category,
      groups: groupsOf(description.parameters),
      ...(outline.length > 0 && { picture: pictureOf(outline.map(nodeOf)) }),
      hasOptional: outline.some(({ when }) => when !== undefined),
      isPipelineYours: template.pipelineFrom !== undefined,
      isProgram: template.program !== undefined,
      commands: [
        { name: 'sluice', text: sluice },
        { name: 'gcloud', text: gcloud },
        { name: 'curl', text: curl },
      ],
    };
    return { view: 'template', title: description.title, model };
  },
};

interface Group {
  name: string;
  parameters: (Omit<ParameterDescription, 'default' | 'examples'> & { usual?: string; examples: string[] })[];
}

/** What is read stands first, then as the template has them; in each what is required. */
function groupsOf(parameters: readonly ParameterDescription[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { default: usual, examples, ...rest } of parameters) {
    const name = rest.group ?? 'Other';
    const group = groups.get(name) ?? { name, parameters: [] };
    groups.set(name, group);
    group.parameters.push({
      ...rest,
      ...(usual !== undefined && usual !== '' && { usual: textOf(usual) }),
      examples: rest.kind === 'enum' || rest.kind === 'boolean' ? [] : examples.map(textOf),
    });
  }
  return [...groups.values()].sort((a, b) => Number(b.name === 'Source') - Number(a.name === 'Source'));
}

const textOf = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

const nodeOf = ({ when, ...node }: OutlineNode): PipelineNode => ({
  ...node,
  ...(when !== undefined && { when: wordsOf(when) }),
});

/** The usual conditions in words, others as they are written. */
function wordsOf(expression: string): string {
  const inner = expression.replaceAll(/^\{\{\s*|\s*\}\}$/g, '');
  const [, without] = /^not (\w+)$/.exec(inner) ?? [];
  if (without) return `when ${without} is not given`;
  const [, parameter, value] = /^eq (\w+) "([^"]*)"$/.exec(inner) ?? [];
  if (parameter) return `when ${parameter} is ${value}`;
  return /^\w+$/.test(inner) ? `when ${inner} is given` : `when ${inner}`;
}
