/** Compares files of lines that may stand in another order, without holding them. */
import { createHash } from 'node:crypto';
import { createReadStream, globSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** @throws Error when the files of the two patterns have not the same lines */
export async function requireSameLines(first: string, second: string): Promise<void> {
  const [a, b] = [await digestOf(first), await digestOf(second)];
  if (a !== b) throw new Error(`the outputs differ: ${a}, ${b}`);
}

/** The number of lines, and the sum of their hashes. */
async function digestOf(pattern: string): Promise<string> {
  let count = 0;
  let sum = 0n;
  for (const path of globSync(pattern))
    for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
      count++;
      sum += createHash('md5').update(line).digest().readBigUInt64LE();
    }
  return `${count} lines of ${BigInt.asUintN(64, sum)}`;
}
