// What Combine does in bench/combine/run.ts, in the plainest way: a Map, and everything in memory.
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const [input, output] = process.argv.slice(2);
const groups = new Map();
const lines = createInterface({ input: createReadStream(input) });
lines.on('line', line => {
  const { user, score } = JSON.parse(line);
  const group = groups.get(user);
  if (!group) groups.set(user, { count: 1, total: score });
  else {
    group.count++;
    group.total += score;
  }
});
lines.on('close', () => {
  const out = createWriteStream(output);
  let text = '';
  for (const [user, { count, total }] of groups) {
    text += `${JSON.stringify({ user, count, total })}\n`;
    if (text.length < 1 << 16) continue;
    out.write(text);
    text = '';
  }
  out.end(text);
});
