/** Where templates lie in their folders. */
import { readFile } from 'node:fs/promises';
import { SluiceError, systemCode } from '../errors.ts';

/** The file of a template's folder. */
export const TEMPLATE_FILE = 'template.yaml';
/** Beside the templates: the parameters that they share. */
export const GROUPS_FOLDER = 'groups';

/** The text of a template file. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = systemCode(error) ?? String(error);
    throw new SluiceError('TEMPLATE_INVALID', `${file} cannot be read: ${why}`, { cause: error });
  }
}
