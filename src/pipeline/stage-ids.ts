/** Full names of stages: unique, the same after a restart, and safe as the path of a folder. */

const MAX_LENGTH = 100;

export class StageIds {
  readonly #taken = new Set<string>();

  /** `parent/label`; the second of the same name is `parent/label-2`. */
  next(parent: string, label: string): string {
    const base = `${parent && `${parent}/`}${segment(label)}`;
    let id = base;
    for (let n = 2; this.#taken.has(id.toLowerCase()); n++) id = `${base}-${n}`;
    // Some file systems do not tell case apart.
    this.#taken.add(id.toLowerCase());
    return id;
  }
}

/** A label may hold anything, also `../`: what is not a letter, a digit or harmless becomes `_`. */
function segment(label: string): string {
  const safe = label.slice(0, MAX_LENGTH).replace(/[^\p{L}\p{N} _.()[\]-]/gu, '_');
  return /^[. ]*$/.test(safe) ? '_' : safe;
}
