/** Options whose values are numbers. */
import { InvalidArgumentError } from 'commander';

/** Gives what reads a whole number within these bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
