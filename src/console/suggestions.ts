/** What a form suggests: functions of the library, and what was given for the same parameter before. */
import type { TemplateDescription } from '../catalog/describe.ts';
import type { Service } from '../service/service.ts';
import { listUdfs } from '../service/udfs.ts';

const JOBS = 50;
const MAX = 8;

export function suggestionsFor(
  { config, store }: Service,
  { parameters }: Pick<TemplateDescription, 'parameters'>,
): Record<string, string[]> {
  const recent = store.jobs.list({}, JOBS).items;
  const suggestions: Record<string, string[]> = {};
  for (const { name, widget, secret, enum: choices } of parameters) {
    if (secret || choices || widget === 'checkbox' || widget === 'textarea') continue;
    const before = recent.flatMap(job => {
      const value = Object.hasOwn(job.parameters, name) ? job.parameters[name] : undefined;
      return typeof value === 'string' && !value.startsWith('secret://') ? [value] : [];
    });
    const functions = widget === 'udf' ? listUdfs(config).map(udf => `udf://${udf.name}`) : [];
    const all = [...new Set([...functions, ...before])].slice(0, MAX + functions.length);
    if (all.length > 0) suggestions[name] = all;
  }
  return suggestions;
}
