/** Patterns of file names, as far as they must be judged before they are used. */
import { SluiceError } from '../errors.ts';

/** A pattern is unfolded into all of its alternatives before the first is looked for. */
const MAX_ALTERNATIVES = 1000;

/** @throws SluiceError INPUT_NOT_FOUND for a pattern whose braces stand for too many alternatives */
export function requireModestPattern(pattern: string): void {
  if (alternativesOf(pattern) <= MAX_ALTERNATIVES) return;
  throw new SluiceError(
    'INPUT_NOT_FOUND',
    `${pattern.slice(0, 80)} stands for more than ${MAX_ALTERNATIVES} alternatives: write * where they differ`,
  );
}

/** What braces unfold into: the sum of the parts of each, times those beside it. */
function alternativesOf(pattern: string): number {
  const open = [{ sum: 0, product: 1 }];
  for (const sign of pattern.matchAll(/\{(?:(-?\d+)\.\.(-?\d+))?|[,}]/g)) {
    const [text, from, to] = sign;
    const group = open.at(-1);
    if (text.startsWith('{'))
      open.push({ sum: 0, product: from === undefined ? 1 : Math.abs(Number(to) - Number(from)) + 1 });
    else if (group && open.length > 1) {
      group.sum += group.product;
      group.product = 1;
      const around = open.at(-2);
      if (text === '}' && around) {
        around.product *= group.sum;
        open.pop();
      }
    }
  }
  return open.reduce((all, { sum, product }) => all * (sum + product), 1);
}
