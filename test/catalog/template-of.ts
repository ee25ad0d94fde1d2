import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { shippedTemplates } from '../../src/catalog/catalog.ts';
import { readTemplate } from '../../src/catalog/read.ts';
import type { Template } from '../../src/catalog/template.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const HEAD = `id: Test
title: A test
category: BATCH
streaming: false
description: For tests.
`;

/** A template file's text: these keys after a head of seven lines at most. */
export const templateText = (body: string): string => HEAD + body;

/** The template of a file with this text. */
export async function templateOf(t: TestContext, body: string): Promise<Template> {
  const file = await templateFile(t, body);
  return readTemplate(file, 'user', shippedTemplates);
}

/** Writes a template file, and gives its path. */
export async function templateFile(t: TestContext, body: string): Promise<string> {
  const folder = join(await temporaryFolder(t), 'Test');
  await mkdir(folder);
  const file = join(folder, 'template.yaml');
  await writeFile(file, templateText(body));
  return file;
}

/** `parameters:` with one property of this JSON for each name. */
export function parametersText(properties: Record<string, object>, rules: object = {}): string {
  const described = Object.entries(properties).map(([name, schema]) => [
    name,
    { type: 'string', title: `Title of ${name}`, description: 'For tests.', ...schema },
  ]);
  return `parameters: ${JSON.stringify({ type: 'object', ...rules, properties: Object.fromEntries(described) })}\n`;
}

export const context = { jobId: 'job-1', jobDirectory: '/home/jobs/job-1', config: { home: '/home' } };
