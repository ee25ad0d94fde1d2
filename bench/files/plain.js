// The baseline: what a plain Node script without a sandbox does with the same function, as fast as we can write it.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const [input, output] = process.argv.slice(2);
const CHUNK_BYTES = 1 << 18;
const source = openSync(input, 'r');
const sink = openSync(output, 'w');
const buffer = Buffer.allocUnsafe(2 * CHUNK_BYTES);
let kept = 0;

for (;;) {
  const read = readSync(source, buffer, kept, CHUNK_BYTES);
  if (read === 0) break;
  const filled = kept + read;
  const end = buffer.lastIndexOf(10, filled - 1) + 1;
  let out = '';
  for (const line of buffer.utf8Slice(0, end - 1).split('\n')) out += `${transform(line)}\n`;
  writeSync(sink, out);
  buffer.copy(buffer, 0, end, filled);
  kept = filled - end;
}
closeSync(sink);

function transform(payload) {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
}
