/** What is wrong with one element, thrown while it is worked on: it becomes a failure, and the batch goes on. */
import type { elementErrorKinds } from '../../element-errors.ts';

export class ElementFault extends Error {
  readonly code: keyof typeof elementErrorKinds;

  constructor(code: keyof typeof elementErrorKinds, message: string) {
    super(message);
    this.code = code;
  }
}
