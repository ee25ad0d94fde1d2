/** Gathers what of a batch has failed, in whatever order it is found. */
import { type Batch, type Failure, selectElements } from '../../engine/batch.ts';
import { ElementFault } from './fault.ts';

export class Failures {
  readonly #stage: string;
  readonly #found: { index: number; failure: Failure }[] = [];

  /** @param stage full name of the transform */
  constructor(stage: string) {
    this.#stage = stage;
  }

  add(index: number, failure: Failure): void {
    this.#found.push({ index, failure });
  }

  /** Notes what was thrown for an element; anything but an ElementFault is thrown on. */
  note(index: number, thrown: unknown): void {
    if (!(thrown instanceof ElementFault)) throw thrown;
    const { code, message } = thrown;
    this.add(index, { code, message, transform: this.#stage });
  }

  /** `failed` of an outcome; nothing when nothing has failed. */
  outcome(batch: Batch): { failed?: Batch } {
    if (this.#found.length === 0) return {};
    const found = this.#found.toSorted((a, b) => a.index - b.index);
    const indices = found.map(({ index }) => index);
    const failures = found.map(({ failure }) => failure);
    return { failed: selectElements(batch, indices, failures) };
  }
}
