/** Labels of an image: what it holds, as the OCI's annotations say it, and where its template lies. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TEMPLATE_FILE } from '../../catalog/template-file.ts';
import type { PackedTemplate } from './pack.ts';

/** By this label an image says that Sluice has built it, and where its template lies. */
export const TEMPLATE_LABEL = 'sluice.template';
export const TEMPLATE_PATH = `/template/${TEMPLATE_FILE}`;

const OCI = 'org.opencontainers.image';
const MAX_TEXT = 2000;

/** The time of the build is among them only where `SOURCE_DATE_EPOCH` says it: else no two builds would be the same. */
export async function labelsOf(
  { template, folder }: PackedTemplate,
  name: string,
  base: string,
): Promise<Record<string, string>> {
  const { version = tagOf(name), source, licenses } = folder === undefined ? {} : await packageIn(folder);
  const epoch = Number(process.env.SOURCE_DATE_EPOCH || Number.NaN);
  const created = Number.isFinite(epoch) ? new Date(epoch * 1000).toISOString() : undefined;
  const annotations = {
    title: template.title,
    description: template.description,
    version,
    source,
    licenses,
    created,
    'base.name': base,
  };
  const labels = Object.entries(annotations).map(([key, text]) => [
    `${OCI}.${key}`,
    text?.slice(0, MAX_TEXT),
  ]);
  return {
    ...Object.fromEntries(labels.filter(([, text]) => text !== undefined)),
    [TEMPLATE_LABEL]: TEMPLATE_PATH,
  };
}

const tagOf = (name: string): string | undefined => /:([^:/]+)$/.exec(name)?.[1];

interface Package {
  version?: string;
  source?: string;
  licenses?: string;
}

/** What the `package.json` of a folder says, if it has one that can be read. */
async function packageIn(folder: string): Promise<Package> {
  try {
    const { version, license, repository } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const source = typeof repository === 'string' ? repository : repository?.url;
    return Object.fromEntries(
      Object.entries({ version, source, licenses: license }).filter(([, text]) => typeof text === 'string'),
    );
  } catch {
    return {};
  }
}
