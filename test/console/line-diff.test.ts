import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesOf, diffLines } from '../../src/console/line-diff.ts';

const SIGNS = { same: ' ', removed: '-', added: '+' };
const told = (before: string, after: string): string[] =>
  diffLines(before, after).map(({ kind, text }) => SIGNS[kind] + text);
const text = (lines: readonly unknown[]): string => lines.join('\n');

test('a difference has the fewest lines, with their numbers on both sides', () => {
  assert.deepEqual(told('a\nb\nc', 'a\nc\nd'), [' a', '-b', ' c', '+d']);
  assert.deepEqual(told('a', 'a'), [' a']);
  assert.deepEqual(told('', 'a'), ['-', '+a']);
  assert.deepEqual(told('a\nx\nb\ny', 'x\nc\ny\nd'), ['-a', ' x', '-b', '+c', ' y', '+d']);
  assert.deepEqual(diffLines('a\nb', 'b\na').slice(1), [
    { kind: 'same', text: 'b', before: 2, after: 1 },
    { kind: 'added', text: 'a', after: 2 },
  ]);
});

test('whatever changed, both texts can be read out of the difference', () => {
  const words = ['a', 'b', 'c'];
  for (let seed = 1; seed < 300; seed++) {
    const pick = (length: number, step: number) =>
      text(Array.from({ length }, (_, i) => words[(((i + 1) * seed * step) % 7) % 3]));
    const [before, after] = [pick(seed % 9, 3), pick((seed * 5) % 8, 4)];
    const lines = diffLines(before, after);
    const side = (left: string) => text(lines.filter(({ kind }) => kind !== left).map(each => each.text));
    assert.equal(side('added'), before);
    assert.equal(side('removed'), after);
  }
});

test('texts that are too long to compare count as replaced, at once', () => {
  const before = Array.from({ length: 50_000 }, (_, i) => `a${i}`);
  const after = Array.from({ length: 50_000 }, (_, i) => `b${i}`);
  const lines = diffLines(text(['head', ...before, 'tail']), text(['head', ...after, 'tail']));
  assert.equal(lines.length, 100_002);
  assert.deepEqual(
    lines.filter(({ kind }) => kind === 'same').map(each => each.text),
    ['head', 'tail'],
  );
});

test('what did not change is left out but for a few lines', () => {
  const lines = Array.from({ length: 20 }, (_, i) => `${i}`);
  const parts = changesOf(diffLines(text(lines), text(lines.with(10, 'x'))), 2);
  assert.deepEqual(
    parts.map(({ skipped, lines: shown }) => skipped ?? shown?.map(each => SIGNS[each.kind] + each.text)),
    [8, [' 8', ' 9', '-10', '+x', ' 11', ' 12'], 7],
  );
  assert.deepEqual(changesOf(diffLines('a', 'a')), [{ skipped: 1 }]);
});
