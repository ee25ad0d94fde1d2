/** Everything wrong with a pipeline, gathered so that all of it is told at once. */
import { SluiceError, type Violation } from '../errors.ts';

const MAX_FAULTS = 100;

export class Faults {
  readonly #violations: Violation[] = [];

  get count(): number {
    return this.#violations.length;
  }

  /** Notes a fault at a place (`file:line:column`, or a path into the structure when it has no file). */
  add(place: string, message: string): void {
    const isKnown = this.#violations.some(each => each.subject === place && each.message === message);
    if (!isKnown && this.count < MAX_FAULTS) this.#violations.push({ subject: place, message });
  }

  /** Throws PIPELINE_INVALID when there are faults: a single one is the message, several are its violations. */
  throwIfAny(): void {
    const [first, second] = this.#violations.sort(byPlace);
    if (!first) return;
    const text = `${first.subject}: ${first.message}`;
    if (!second) throw new SluiceError('PIPELINE_INVALID', text);
    const all = { violations: [...this.#violations] };
    throw new SluiceError('PIPELINE_INVALID', `the pipeline has ${this.count} faults, first ${text}`, all);
  }
}

/** As they stand in the file. */
function byPlace(a: Violation, b: Violation): number {
  const [lineA, columnA] = lineAndColumn(a.subject);
  const [lineB, columnB] = lineAndColumn(b.subject);
  return lineA - lineB || columnA - columnB;
}

function lineAndColumn(place: string): [number, number] {
  const [, line, column] = /:(\d+):(\d+)$/.exec(place) ?? [];
  return [Number(line ?? 0), Number(column ?? 0)];
}
