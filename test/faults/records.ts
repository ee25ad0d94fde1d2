/** Records for the fault tests, and what must have become of each after a run, however often it was interrupted. */
import assert from 'node:assert/strict';
import { closeSync, globSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Every seventh is filtered, every eleventh (if not filtered) fails. */
export const UDF = `function check(payload) {
  const record = JSON.parse(payload);
  if (record.id % 7 === 0) return null;
  if (record.id % 11 === 0) throw new Error('eleventh');
  record.seen = true;
  return JSON.stringify(record);
}`;

const PADDING = 'x'.repeat(450);

export const recordOf = (id: number): string => JSON.stringify({ id, padding: PADDING });

/** Writes records 0 to `count` to a file, a line each. */
export function writeRecords(path: string, count: number): void {
  const file = openSync(path, 'w');
  for (let id = 0; id < count; id += 1000) {
    const lines = Array.from({ length: Math.min(1000, count - id) }, (_, i) => `${recordOf(id + i)}\n`);
    writeSync(file, lines.join(''));
  }
  closeSync(file);
}

/** The counts a run over `count` records must end with. */
export function expectedElements(count: number) {
  const filtered = countMultiples(count, 7);
  const deadLettered = countMultiples(count, 11) - countMultiples(count, 77);
  return { read: count, written: count - filtered - deadLettered, filtered, deadLettered };
}

/** Checks that the files hold each record that must be there exactly once, whole, and nothing else. */
export function assertExactlyOnce(count: number, outputPattern: string, deadLetterPattern: string): void {
  const written = linesOf(outputPattern).map(line => JSON.parse(line));
  const failed = linesOf(deadLetterPattern).map(line => JSON.parse(JSON.parse(line).payload));
  for (const record of written) assert.deepEqual(record, { id: record.id, padding: PADDING, seen: true });
  const expected = (isWanted: (id: number) => boolean) =>
    Array.from({ length: count }, (_, id) => id).filter(isWanted);
  assertSameIds(
    written,
    expected(id => id % 7 !== 0 && id % 11 !== 0),
  );
  assertSameIds(
    failed,
    expected(id => id % 7 !== 0 && id % 11 === 0),
  );
}

function assertSameIds(records: { id: number }[], expected: number[]): void {
  const ids = records.map(({ id }) => id).sort((a, b) => a - b);
  const doubled = ids.filter((id, i) => id === ids[i - 1]);
  assert.deepEqual(doubled.slice(0, 5), [], `${doubled.length} records are there twice`);
  assert.equal(ids.length, expected.length, `${ids.length} records of ${expected.length}`);
  assert.ok(ids.every((id, i) => id === expected[i]));
}

function linesOf(pattern: string): string[] {
  const files = globSync(pattern);
  return files.flatMap(path => readFileSync(path, 'utf8').split('\n').slice(0, -1));
}

const countMultiples = (count: number, of: number): number => Math.ceil(count / of);
