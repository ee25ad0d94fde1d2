/** What templates read and write, for those who choose one, and what their pipelines are made of. */
import { currentCatalog } from '../catalog/cached.ts';
import { type OutlineNode, outlineOf } from '../catalog/outline.ts';
import type { Template } from '../catalog/template.ts';
import type { Config } from '../config.ts';
import { asSluiceError } from '../errors.ts';
import { registry } from '../registry.ts';
import { searchTemplates, type TemplateQuery } from './catalog.ts';

export interface TemplateFacts {
  /** The systems it may read and write, dead letters aside: Kafka, Files. */
  reads: string[];
  writes: string[];
  /** Each of its results is there once, wherever a worker is killed, as its sinks promise it. */
  exactlyOnce: boolean;
  takesUdf: boolean;
}

const none: TemplateFacts = { reads: [], writes: [], exactlyOnce: false, takesUdf: false };

export type OutlinedTemplate = Awaited<ReturnType<typeof searchTemplates>>[number] & TemplateFacts;

/** The templates that match, with what they read and write. One that cannot be read has a `fault`. */
export async function outlinedTemplates(config: Config, query: TemplateQuery): Promise<OutlinedTemplate[]> {
  const [listed, catalog] = await Promise.all([searchTemplates(config, query), currentCatalog(config)]);
  return Promise.all(
    listed.map(async each => {
      if ('fault' in each) return { ...each, ...none };
      try {
        return { ...each, ...templateFacts(await catalog.find(each.id)) };
      } catch (error) {
        return { id: each.id, origin: each.origin, fault: asSluiceError(error).message, ...none };
      }
    }),
  );
}

const known = new WeakMap<Template, OutlineNode[]>();

/** What its pipeline is made of; nothing where the user brings it, or where it is a program. */
export function templateOutline(template: Template): OutlineNode[] {
  const outline = known.get(template) ?? outlineOf(template.written, type => registry.get(type)?.kind);
  known.set(template, outline);
  return outline;
}

export function templateFacts(template: Template): TemplateFacts {
  const results = templateOutline(template).filter(({ deadLetter }) => !deadLetter);
  const sinks = results.filter(({ kind }) => kind === 'sink').map(({ type }) => registry.get(type));
  return {
    reads: systemsOf(results, 'source'),
    writes: systemsOf(results, 'sink'),
    exactlyOnce: sinks.length > 0 && sinks.every(sink => sink?.kind === 'sink' && sink.once === true),
    takesUdf: Object.hasOwn(template.parameters.properties, 'javascriptTextTransformGcsPath'),
  };
}

function systemsOf(nodes: readonly OutlineNode[], kind: OutlineNode['kind']): string[] {
  const systems = nodes.flatMap(node => {
    const component = node.kind === kind ? registry.get(node.type) : undefined;
    return component && component.kind !== 'transform' ? (component.system ?? []) : [];
  });
  return [...new Set(systems)].sort();
}
