import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atBeginning, type LogLine, readLog } from '../../../src/launchers/docker/program-log.ts';

const time = (nanoseconds: number): string => `2026-11-20T13:00:00.${String(nanoseconds).padStart(9, '0')}Z`;

/** As the engine frames a piece of a line. */
function piece(at: number, text: string | Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(`${time(at)} `), Buffer.from(text)]);
  const header = Buffer.alloc(8);
  header[0] = 1;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

/** When the pieces of the test on later readers came. */
const TIMES = [1, 2, 2, 2, 2, 3, 3].map(time);

const texts = (lines: LogLine[]): string[] => lines.map(({ text }) => text);

test('lines are the same however the stream is cut into chunks', () => {
  const bytes = Buffer.concat([
    piece(1, 'one\n'),
    piece(2, 'tw'),
    piece(2, 'o\n'),
    piece(3, '\n'),
    piece(4, 'é\n'),
  ]);
  for (let size = 1; size <= bytes.length; size++) {
    const reader = readLog();
    const lines: LogLine[] = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...reader.take(bytes.subarray(at, at + size)));
    assert.deepEqual(texts(lines), ['one', 'two', '', 'é']);
    assert.deepEqual(
      lines.map(({ at }) => at),
      [`${time(1)}-1`, `${time(2)}-1`, `${time(3)}-1`, `${time(4)}-1`],
    );
  }
});

test('a later reader goes on behind the last whole line, and calls lines by the same names', () => {
  const pieces = [
    piece(1, 'a\n'),
    piece(2, 'b\n'),
    piece(2, 'c\n'),
    piece(2, 'd'),
    piece(2, 'd\n'),
    piece(3, 'e\n'),
    piece(3, 'f'),
  ];
  const whole = readLog().take(Buffer.concat(pieces));
  assert.deepEqual(texts(whole), ['a', 'b', 'c', 'dd', 'e']);
  for (let read = 0; read <= pieces.length; read++) {
    const first = readLog();
    const before = first.take(Buffer.concat(pieces.slice(0, read)));
    const from = first.position();
    // The engine gives again what came at the very moment that it is asked from.
    const again = pieces.filter((_, at) => (TIMES[at] ?? '') >= from.time);
    const second = readLog(from);
    const after = second.take(Buffer.concat(again));
    assert.deepEqual([...before, ...after], whole, `after ${read} pieces`);
    assert.deepEqual(texts(second.rest()), ['f']);
  }
});

test('an endless line takes no more memory than a long one, and is told as cut', () => {
  const reader = readLog();
  const chunk = piece(1, 'x'.repeat(16_384));
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 5000; count++) assert.deepEqual(reader.take(chunk), []);
  assert.deepEqual(reader.position(), atBeginning);
  const [line] = reader.take(piece(1, 'end\n'));
  assert.equal(line?.text.length, 65_536);
  assert.equal(line?.isCut, true);
  assert.ok(process.memoryUsage().rss - before < 64 << 20);
  assert.deepEqual(texts(reader.take(piece(2, 'next\n'))), ['next']);
});

test('bytes that are no text become one, and what is no frame of an engine is refused', () => {
  assert.deepEqual(texts(readLog().take(piece(1, Buffer.from([0xff, 0xfe, 0, 0x0a])))), ['\ufffd\ufffd\0']);
  assert.throws(() => readLog().take(Buffer.alloc(100, 0xff)), /is not what an engine writes/);
});
