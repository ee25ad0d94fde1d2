import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { logTo, openLog } from '../../src/service/log.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a log file is rotated by size, the oldest are removed, and no line is lost of those that stay', async t => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'sluice.log');
  const { log, close } = await openLog({ file, fileMegabytes: 1, files: 2 });
  const text = 'x'.repeat(1000);
  for (let i = 0; i < 5000; i++) {
    log.info({ i }, text);
    // As between requests: a turn of the loop to write in.
    if (i % 50 === 0) await new Promise(resolve => setImmediate(resolve));
  }
  await close();
  const names = readdirSync(folder).filter(name => !name.endsWith('.txt'));
  assert.ok(names.includes('sluice.log'), names.join());
  assert.ok(names.length >= 2 && names.length <= 3, names.join());
  const numbers = names
    .flatMap(name => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .filter(line => line !== '')
    .map(line => JSON.parse(line).i as number)
    .sort((a, b) => a - b);
  assert.equal(numbers.at(-1), 4999);
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, i) => 5000 - numbers.length + i),
  );
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('what could hold a token is left out of lines', () => {
  const lines: string[] = [];
  const log = logTo({ write: line => void lines.push(line) });
  log.info({
    authorization: 'Bearer slc_a',
    token: 'slc_b',
    request: { headers: { x: 'slc_c' }, token: 'slc_d' },
  });
  log.info({ 'x-goog-api-key': 'slc_e' });
  assert.doesNotMatch(lines.join(''), /slc_/);
  assert.equal(lines.length, 2);
});

test('a file that cannot be written is refused before anything is served', async t => {
  const folder = await temporaryFolder(t);
  await assert.rejects(openLog({ file: folder }), {
    code: 'OUTPUT_UNWRITABLE',
    message: /the log .* cannot be/,
  });
});
