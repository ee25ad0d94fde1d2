/** Which stages of a running job have their counterparts in the job that is to take over from it, with their state. */
import { isDeepStrictEqual } from 'node:util';
import type { Graph, GraphNode } from '../engine/graph.ts';
import type { Lineage } from '../engine/open.ts';
import { SluiceError } from '../errors.ts';
import type { Job } from '../worker/job-file.ts';

/**
 * The stages that keep state, the new names by the old. Each must be there again, under its name or the one that
 * `mapping` gives it, and as it was in all that its state depends on; all others may change, come and go.
 * @throws SluiceError UPDATE_REFUSED
 */
export function matchStages(
  before: Graph,
  after: Graph,
  mapping: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const known = byId(before);
  const found = byId(after);
  for (const [from, to] of Object.entries(mapping)) {
    if (!known.has(from)) throw refused(`transformNameMapping: the running job has no transform ${from}`);
    if (!found.has(to)) throw refused(`transformNameMapping: the new job has no transform ${to}`);
  }
  const matched = new Map<string, string>();
  for (const node of before.nodes) {
    if (!stateOf(node)) continue;
    const name = Object.hasOwn(mapping, node.id) ? (mapping[node.id] ?? '') : node.id;
    const counterpart = found.get(name);
    if (!counterpart)
      throw refused(
        `${node.id} keeps state, and the new job has no transform of that name: transformNameMapping says what it is called now`,
      );
    const other = [...matched].find(([, each]) => each === name);
    if (other) throw refused(`${other[0]} and ${node.id} cannot both go on as ${name}`);
    const difference = differenceOf(node, counterpart);
    if (difference) throw refused(`${name}: ${difference}`);
    matched.set(node.id, name);
  }
  return Object.fromEntries(matched);
}

/** Under which names the new job keeps its state: those that its predecessors began with. */
export function lineageOf(
  before: Job,
  after: Graph,
  newId: string,
  matched: Record<string, string>,
): Lineage {
  const kept = new Map(
    Object.entries(matched).map(([from, to]) => [to, before.lineage?.stages[from] ?? from] as const),
  );
  const taken = new Set(kept.values());
  for (const { id } of after.nodes) {
    // A new stage must not meet what another keeps under the same name.
    if (!kept.has(id) && taken.has(id)) kept.set(id, `${id}@${newId}`);
  }
  return {
    jobId: before.lineage?.jobId ?? before.id,
    stages: Object.fromEntries([...kept].filter(([stage, name]) => stage !== name)),
  };
}

const byId = ({ nodes }: Graph) => new Map(nodes.map(node => [node.id, node]));

/** What of a stage's config its state depends on; undefined where it keeps none that another job could take over. */
function stateOf({ component, config }: GraphNode): object | undefined {
  if (component.kind === 'transform') return component.state?.(config);
  return config as object;
}

/** In words; undefined when the state of one fits the other. */
function differenceOf(before: GraphNode, after: GraphNode): string | undefined {
  const { kind, name } = before.component;
  if (after.component.name !== name)
    return `it is a ${after.component.name}, and in the running job a ${name}`;
  const [one, other] = [stateOf(before) ?? {}, stateOf(after) ?? {}] as Record<string, unknown>[];
  const key = Object.keys({ ...one, ...other }).find(each => !isDeepStrictEqual(one?.[each], other?.[each]));
  if (key !== undefined) return `its ${key} is not that of the running job`;
  if (kind === 'source') return undefined;
  if (!isDeepStrictEqual(before.windowing, after.windowing))
    return 'its windowing is not that of the running job';
  if (kind === 'transform' && !isDeepStrictEqual(inputsOf(before), inputsOf(after)))
    return 'its inputs are not called, or ordered, as those in the running job';
  return undefined;
}

const inputsOf = ({ inputs }: GraphNode) => inputs.map(({ name }) => name);

const refused = (why: string): SluiceError =>
  new SluiceError('UPDATE_REFUSED', `${why}; otherwise drain the running job, and launch the new one`);
