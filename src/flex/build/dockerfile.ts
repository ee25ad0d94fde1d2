/** The Dockerfile of an image: the worker's image, what the user adds to it, and the template. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError, systemCode } from '../../errors.ts';
import { labelsOf } from './labels.ts';
import type { PackedTemplate } from './pack.ts';

/** Beside the template of a folder: lines of a Dockerfile, with Handlebars' expressions. */
export const FRAGMENT_FILE = 'Dockerfile.hbs';
/** Where our own files lie in the build context: no file of the user's begins with a dot there. */
export const OWN_FOLDER = '.sluice';

export interface BaseImage {
  name: string;
  /** Whom its containers run as. */
  user: string;
}

/**
 * The files are copied onto the root: only so is the folder that is made for them the same in each build.
 * @param name of the image, with its tag
 * @throws SluiceError TEMPLATE_INVALID when the user's lines cannot be rendered
 */
export async function dockerfileOf(packed: PackedTemplate, name: string, base: BaseImage): Promise<string> {
  const lines = await fragmentOf(packed, base);
  const labels = Object.entries(await labelsOf(packed, name, base.name));
  return [
    `FROM ${base.name}`,
    // What is added is added by root; what runs is not.
    ...(lines === undefined ? [] : ['USER 0:0', lines.trim(), `USER ${base.user}`]),
    `COPY ${OWN_FOLDER}/root/ /`,
    `LABEL ${labels.map(([key, text]) => `${key}=${quoted(text)}`).join(' ')}`,
    '',
  ].join('\n');
}

async function fragmentOf(
  { folder, template }: PackedTemplate,
  base: BaseImage,
): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const file = join(folder, FRAGMENT_FILE);
  const text = await textOf(file);
  if (text === undefined) return undefined;
  const { default: Handlebars } = await import('handlebars');
  const { id, title, category, streaming } = template;
  try {
    const render = Handlebars.compile(text, { noEscape: true, strict: true });
    return render({ base: base.name, template: { id, title: onOneLine(title), category, streaming } });
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n').at(-1) : String(error);
    throw new SluiceError('TEMPLATE_INVALID', `${file} cannot be rendered: ${why}`, { cause: error });
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new SluiceError('TEMPLATE_INVALID', `${file} cannot be read: ${systemCode(error)}`, {
      cause: error,
    });
  }
}

/** Within quotes a Dockerfile fills in variables. */
const quoted = (text: string): string => `"${onOneLine(text).replaceAll(/["\\$]/g, String.raw`\$&`)}"`;

/** A second line would be one of the Dockerfile. */
const onOneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
