/** `sluice templates`: what templates there are, what one takes, and whether it does what its tests say. */
import type { Command } from 'commander';
import type { ListedTemplate } from '../catalog/catalog.ts';
import type { ParameterDescription, TemplateDescription } from '../catalog/describe.ts';
import { loadConfig } from '../config.ts';
import { failWith, printJson } from './output.ts';
import { table } from './tables.ts';

export function registerTemplates(program: Command): void {
  const templates = program.command('templates').description('list, show and test templates');
  const json = ['--json', 'print one JSON document'] as const;
  templates
    .command('list')
    .description('the templates there are')
    .option(...json)
    .action(guarded(async (options: Options) => list(options)));
  templates
    .command('show <id>')
    .description('what a template does, its parameters and an example')
    .option(...json)
    .action(guarded(async (id: string, options: Options) => show(id, options)));
  templates
    .command('test [id]')
    .description('run the tests of a template, or of all')
    .option(...json)
    .action(
      guarded(async (id: string | undefined, options: Options) => {
        const { testTemplates } = await import('./templates-test.ts');
        await testTemplates(id, options);
      }),
    );
}

interface Options {
  json?: boolean;
}

/** Tells an error as the options of the command ask. */
function guarded<Given extends unknown[]>(action: (...given: Given) => Promise<void>) {
  return async (...given: Given) => {
    try {
      await action(...given);
    } catch (error) {
      failWith(error, process.argv.includes('--json'));
    }
  };
}

async function list({ json }: Options): Promise<void> {
  const { loadCatalog } = await import('../catalog/catalog.ts');
  const all = await (await loadCatalog(loadConfig())).list();
  if (json) printJson({ templates: all });
  else process.stdout.write(listText(all));
}

async function show(id: string, { json }: Options): Promise<void> {
  const [{ loadCatalog }, { describe }] = await Promise.all([
    import('../catalog/catalog.ts'),
    import('../catalog/describe.ts'),
  ]);
  const catalog = await loadCatalog(loadConfig());
  const description = describe(await catalog.find(id));
  if (json) printJson(description);
  else process.stdout.write(showText(description));
}

/** Id, type and title in columns; a broken template with its fault. */
export function listText(all: readonly ListedTemplate[]): string {
  const rows = all.map(each =>
    'fault' in each
      ? [each.id, 'broken', each.fault]
      : [
          each.id,
          each.streaming ? 'streaming' : 'batch',
          each.origin === 'user' ? `${each.title} (yours)` : each.title,
        ],
  );
  return table([['ID', 'TYPE', 'TITLE'], ...rows]);
}

/** The whole of a template, for a terminal. */
export function showText(template: TemplateDescription): string {
  const { id, aliases, title, description, streaming, parameters, rules, example } = template;
  const required = parameters.filter(each => each.required);
  const optional = parameters.filter(each => !each.required);
  const sections = [
    `${title}\n${id}${aliases.length > 0 ? ` (also ${aliases.join(', ')})` : ''} · ${streaming ? 'streaming' : 'batch'}`,
    wrap(description, ''),
    required.length > 0 ? `Required parameters\n${required.map(parameterText).join('\n')}` : '',
    optional.length > 0 ? `Optional parameters\n${optional.map(parameterText).join('\n')}` : '',
    rules.length > 0 ? `Rules\n${rules.map(rule => wrap(rule, '  ')).join('\n')}` : '',
    `Example\n${example.replaceAll(/^/gm, '  ')}`,
  ];
  return `${sections.filter(section => section !== '').join('\n\n')}\n`;
}

function parameterText({ name, kind, description, ...rest }: ParameterDescription): string {
  const facts = [
    rest.enum ? `one of ${rest.enum.join(', ')}` : '',
    rest.requiredWhen ? `required when ${rest.requiredWhen}` : '',
    rest.default === undefined || rest.default === '' ? '' : `default ${rest.default}`,
    rest.examples.length > 0 ? `e.g. ${rest.examples[0]}` : '',
  ].filter(fact => fact !== '');
  const lines = [`  ${name} (${kind})`, wrap(description, '      ')];
  if (facts.length > 0) lines.push(wrap(facts.join('; '), '      '));
  return lines.join('\n');
}

function wrap(text: string, indent: string): string {
  const width = 100;
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length > width && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}
