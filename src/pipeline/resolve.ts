/**
 * Makes a graph of a pipeline in Beam YAML, in three steps: read the scopes as they are written, connect what
 * their members name, check what flows where. Transforms that a file provides itself are expanded as they are read.
 */
import type { Graph } from '../engine/graph.ts';
import { check } from './check.ts';
import { connect } from './connect.ts';
import type { Registry } from './drafts.ts';
import { Faults } from './faults.ts';
import { readProviders } from './providers.ts';
import { where } from './read-links.ts';
import { readPipeline } from './read-scope.ts';
import { StageIds } from './stage-ids.ts';
import { suggestion } from './suggest.ts';
import { isMapping, type Mapping } from './tree.ts';

const FILE_KEYS = ['pipeline', 'options', 'providers'];

/**
 * The graph of a pipeline that parseYaml gave: a whole file (`pipeline`, `options`) or what stands under `pipeline`.
 * Throws PIPELINE_INVALID; of several faults each is a violation, whose subject is `file:line:column`.
 */
export function resolvePipeline(spec: unknown, registry: Registry): Graph {
  const faults = new Faults();
  const ids = new StageIds();
  const isFile = isMapping(spec) && 'pipeline' in spec;
  if (isFile) checkFile(spec, faults);
  const inner = isFile ? spec.pipeline : spec;
  const place = isFile ? where(spec, 'pipeline', 'file') : placeOfValue(inner);
  const providers = isFile ? readProviders(spec, registry, faults) : new Map<string, never>();
  const root = readPipeline(inner, place, ids, faults, providers);
  const nodes = check(connect(root, registry, ids, faults), faults);
  faults.throwIfAny();
  return { nodes };
}

const placeOfValue = (value: unknown): string =>
  typeof value === 'object' && value !== null ? where(value, undefined, 'pipeline') : 'pipeline';

function checkFile(spec: Mapping, faults: Faults): void {
  for (const key of Object.keys(spec))
    if (!FILE_KEYS.includes(key))
      faults.add(where(spec, key, 'file'), `a pipeline file has no key ${key}${suggestion(key, FILE_KEYS)}`);
  const { options } = spec;
  if (options !== undefined && options !== null && !isMapping(options))
    faults.add(where(spec, 'options', 'file'), 'options is a mapping');
}
