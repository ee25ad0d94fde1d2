// The baseline: what a plain Node script without a sandbox does with the same function, as fast as we can write it.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const [input, output] = process.argv.slice(2);
const CHUNK_BYTES = 1 << 18;
const source = openSync(input, 'r');
const sink = openSync(output, 'w');
const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
let rest = '';

for (let read = readSync(source, buffer); read > 0; read = readSync(source, buffer)) {
  // The records are ASCII: no character lies across two chunks.
  const lines = (rest + buffer.latin1Slice(0, read)).split('\n');
  rest = lines.pop();
  let out = '';
  for (const line of lines) out += `${transform(line)}\n`;
  writeSync(sink, out);
}
if (rest !== '') writeSync(sink, `${transform(rest)}\n`);
closeSync(sink);

function transform(payload) {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
}
