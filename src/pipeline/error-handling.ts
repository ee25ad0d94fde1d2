/** `error_handling` in the config of a transform: where its failed elements go and how many it may have. */
import type { Faults } from './faults.ts';
import { where } from './read-links.ts';
import { suggestion } from './suggest.ts';
import { isMapping, type Leaf, type Mapping } from './tree.ts';

const KEYS = ['output', 'threshold'];
/** Names of the good output. */
export const GOOD_OUTPUTS = ['good', 'output', 'out'];

/** What `error_handling` says, or undefined when it is absent or wrong (then its faults are noted). */
export function readErrorHandling(config: Mapping, path: string, faults: Faults): Leaf['errorHandling'] {
  const { error_handling: spec } = config;
  if (spec === undefined) return undefined;
  const place = where(config, 'error_handling', path);
  if (!isMapping(spec)) {
    faults.add(place, 'error_handling is a mapping: {output: NAME}');
    return undefined;
  }
  const inner = `${path}.error_handling`;
  const before = faults.count;
  for (const key of Object.keys(spec))
    if (!KEYS.includes(key))
      faults.add(where(spec, key, inner), `error_handling has no key ${key}${suggestion(key, KEYS)}`);
  const { output, threshold } = spec;
  checkOutput(output, where(spec, 'output', inner), faults);
  if (threshold !== undefined && !isShare(threshold))
    faults.add(
      where(spec, 'threshold', inner),
      'threshold is the share of failed elements that ends the job: 0 to 1',
    );
  if (faults.count > before || typeof output !== 'string') return undefined;
  return { output, place, ...(isShare(threshold) && { threshold }) };
}

function checkOutput(output: unknown, place: string, faults: Faults): void {
  if (output === undefined) faults.add(place, 'error_handling names no output: add output: NAME');
  else if (typeof output !== 'string' || !/^[^.]+$/.test(output))
    faults.add(place, 'the output of error_handling is a name without dots');
  else if (GOOD_OUTPUTS.includes(output))
    faults.add(
      place,
      `${output} is the name of the good output: call the output of error_handling otherwise`,
    );
}

const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
