/** `sluice preview`: a few real elements through the UDF before a launch; nothing is written or acknowledged. */
import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import type { PreviewedElement } from '../engine/preview.ts';
import type { GivenParameters } from '../launch/prepare.ts';
import { collectParameters } from './parameters.ts';

interface PreviewOptions {
  pipeline?: string;
  parameters?: GivenParameters;
  elements: number;
  json?: boolean;
}

const MAX_ELEMENTS = 1000;

export function registerPreview(program: Command): void {
  program
    .command('preview')
    .description('show what would become of a few real elements; nothing is written')
    .argument('[template]', 'id or alias of a template')
    .option('--pipeline <file>', 'a Beam YAML file instead of a template')
    .option('--parameters <k=v,…>', 'parameters, a JSON object, or @file; may repeat', collectParameters)
    .option('--elements <n>', 'how many elements to show', elementCount, 5)
    .option('--json', 'print the elements as JSON')
    .action(preview);
}

async function preview(templateId: string | undefined, options: PreviewOptions): Promise<void> {
  const [{ mkdtemp, rm }, { tmpdir }, { join }, { loadConfig }, { asJson, preview: look }, { printJson }] =
    await Promise.all([
      import('node:fs/promises'),
      import('node:os'),
      import('node:path'),
      import('../config.ts'),
      import('../tasks/preview.ts'),
      import('./output.ts'),
    ]);
  const directory = await mkdtemp(join(tmpdir(), 'sluice-preview-'));
  try {
    const { json, ...request } = options;
    const elements = await look(loadConfig(), { templateId, ...request }, directory, (text, stage) =>
      process.stderr.write(`${stage}: ${text}\n`),
    );
    if (json) printJson(elements.map(asJson));
    else
      process.stdout.write(
        elements.length === 0 ? 'the source gave no elements\n' : elements.map(describe).join('\n'),
      );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function describe(
  { position, input, outputs, filteredBy, failures }: PreviewedElement,
  index: number,
): string {
  const lines = [
    `${index + 1}${position === undefined ? '' : `  ${dim(position)}`}`,
    `  in        ${oneLine(input)}`,
  ];
  for (const { sink, payload } of outputs)
    lines.push(`  out       ${oneLine(payload)}  ${dim(`-> ${sink}`)}`);
  for (const stage of filteredBy) lines.push(`  filtered  by ${stage}`);
  for (const { code, message, stack, transform } of failures) {
    lines.push(`  error     ${message} ${dim(`[${code}, ${transform}]`)}`);
    for (const frame of stack?.split('\n') ?? []) lines.push(`            ${dim(frame.trim())}`);
  }
  return `${lines.join('\n')}\n`;
}

const SHOWN = 2000;

function oneLine(payload: Buffer): string {
  const text = payload.toString().replace(/\p{Cc}/gu, ' ');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)} … (${payload.length} bytes)` : text;
}

const dim = (text: string): string => styleText('dim', text, { stream: process.stdout });

function elementCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_ELEMENTS) return value;
  throw new InvalidArgumentError(`a whole number from 1 to ${MAX_ELEMENTS}`);
}
