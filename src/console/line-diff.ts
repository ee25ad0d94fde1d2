/** What changed between two texts, line by line. */

export interface DiffLine {
  kind: 'same' | 'removed' | 'added';
  text: string;
  /** From 1; where the line is in each of the two. */
  before?: number;
  after?: number;
}

/** Comparing takes time by the product of the lines that differ: beyond this all of them count as replaced. */
const MAX_CELLS = 4_000_000;

/** The fewest lines removed and added that make one text the other. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split('\n');
  const b = after.split('\n');
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const lines: DiffLine[] = [];
  let at = 0;
  let to = 0;
  const same = () => lines.push({ kind: 'same', text: a[at] ?? '', before: ++at, after: ++to });
  const removed = () => lines.push({ kind: 'removed', text: a[at] ?? '', before: ++at });
  const added = () => lines.push({ kind: 'added', text: b[to] ?? '', after: ++to });
  while (at < head) same();
  const longest = commonAfter(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  while (at < a.length - tail && to < b.length - tail) {
    if (longest && a[at] === b[to]) same();
    else if (!longest || longest(at + 1 - head, to - head) >= longest(at - head, to + 1 - head)) removed();
    else added();
  }
  while (at < a.length - tail) removed();
  while (to < b.length - tail) added();
  while (at < a.length) same();
  return lines;
}

/** How many lines the rests of both have in common, in order; undefined when they are too long to tell. */
function commonAfter(a: string[], b: string[]): ((i: number, j: number) => number) | undefined {
  const width = b.length + 1;
  if ((a.length + 1) * width > MAX_CELLS) return undefined;
  const table = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  return at;
}

export interface DiffPart {
  /** So many lines that did not change are left out; otherwise `lines` is there. */
  skipped?: number;
  lines?: DiffLine[];
}

/** Only what changed, and a few lines around it. */
export function changesOf(lines: readonly DiffLine[], around = 3): DiffPart[] {
  const isNear = new Uint8Array(lines.length);
  for (const [i, { kind }] of lines.entries())
    if (kind !== 'same') isNear.fill(1, Math.max(0, i - around), i + around + 1);
  const parts: DiffPart[] = [];
  let from = 0;
  for (let i = 1; i <= lines.length; i++) {
    if (i < lines.length && isNear[i] === isNear[from]) continue;
    if (lines.length > 0) parts.push(isNear[from] ? { lines: lines.slice(from, i) } : { skipped: i - from });
    from = i;
  }
  return parts;
}
