/** A job keeps the functions that it was launched with: `udf://name` becomes `udf://name@version`. */
import type { Config } from '../config.ts';
import { isMapping } from '../pipeline/tree.ts';
import { keepVersion, pinned } from '../udf/versions.ts';
import type { Job } from '../worker/job-file.ts';

/** By each path as it was given, the one that stays. */
export type PinnedUdfs = Map<string, string>;

/**
 * Puts the versions into the pipeline and into the parameters they came from, so that the record shows them. A stage
 * that looks for newer versions from time to time keeps its path.
 * @throws SluiceError UDF_NOT_FOUND
 */
export function pinUdfs(job: Job, config: Config): { job: Job; pins: PinnedUdfs } {
  const pins: PinnedUdfs = new Map();
  pinWithin(job.pipeline, pins, config);
  const { parameters, replay } = job;
  const path = replay?.udf?.path;
  return {
    pins,
    job: {
      ...job,
      ...(parameters && { parameters: pinParameters(parameters, pins) }),
      ...(replay && path !== undefined && { replay: { ...replay, udf: { ...replay.udf, path: pin(path) } } }),
    },
  };

  function pin(given: string): string {
    return isOfLibrary(given) ? pinOf(given, pins, config) : given;
  }
}

/** Keeps the scripts of these versions, those of the samples too. */
export async function keepUdfs(pins: PinnedUdfs, config: Config): Promise<void> {
  for (const path of pins.values()) await keepVersion(path, config);
}

/** Changes the pipeline where it lies: what is known of its places in the file hangs on its objects. */
function pinWithin(value: unknown, pins: PinnedUdfs, config: Config): void {
  if (Array.isArray(value)) for (const each of value) pinWithin(each, pins, config);
  if (!isMapping(value)) return;
  // What Create gives is data, whatever it looks like.
  if (value.type === 'Create') return;
  for (const [key, each] of Object.entries(value)) {
    if (key === 'path' && isOfLibrary(each) && !(Number(value.reload_minutes) > 0))
      value.path = pinOf(each, pins, config);
    else pinWithin(each, pins, config);
  }
}

const isOfLibrary = (value: unknown): value is string =>
  typeof value === 'string' && value.startsWith('udf://');

function pinOf(path: string, pins: PinnedUdfs, config: Config): string {
  const known = pins.get(path) ?? pinned(path, config);
  pins.set(path, known);
  return known;
}

const pinParameters = (parameters: Record<string, unknown>, pins: PinnedUdfs): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'string' ? (pins.get(value) ?? value) : value,
    ]),
  );
