import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { elementErrorKinds } from '../src/element-errors.ts';
import { asSluiceError, errorKinds, SluiceError } from '../src/errors.ts';

const src = join(import.meta.dirname, '../src');

test('a message that quotes too much is cut', () => {
  const violations = Array.from({ length: 1000 }, () => ({ subject: 'a', message: 'y'.repeat(1e6) }));
  const error = new SluiceError('USAGE', 'x'.repeat(1e6), { violations });
  assert.equal(error.message, `${'x'.repeat(8000)}…`);
  assert.equal(error.violations.length, 100);
  assert.equal(error.violations[0]?.message.length, 8001);
});

test('every code that the sources give a failed element is in the catalogue', () => {
  const known = new Set([...Object.keys(elementErrorKinds), ...Object.keys(errorKinds)]);
  const unknown = globSync('**/*.{ts,js}', { cwd: src }).flatMap(file => {
    const text = readFileSync(join(src, file), 'utf8');
    return (
      [...text.matchAll(/\bcode: '([A-Z_]+)'/g)]
        .map(([, code = '']) => code)
        // ETIMEDOUT and the like are the system's.
        .filter(code => !known.has(code) && !/^E[A-Z]+$/.test(code))
        .map(code => `${file}: ${code}`)
    );
  });
  assert.deepEqual(unknown, []);
});

test('every code of the catalogue is used', () => {
  const all = globSync('**/*.{ts,js}', { cwd: src })
    .map(file => ({ file, text: readFileSync(join(src, file), 'utf8') }))
    // The catalogue's own keys are no use of them.
    .map(({ file, text }) =>
      /^(element-)?errors\.ts$/.test(file) ? text.replace(/^ {2}[A-Z_]+:/gm, '') : text,
    )
    .join('\n');
  const unused = [...Object.keys(errorKinds), ...Object.keys(elementErrorKinds)].filter(
    code => !new RegExp(`\\b${code}\\b`).test(all),
  );
  assert.deepEqual(unused, []);
});

test('a full disk is told from other faults of the system', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  assert.equal(asSluiceError(full).code, 'DISK_FULL');
  assert.equal(asSluiceError(new Error('boom')).code, 'INTERNAL');
  assert.equal(asSluiceError('boom').message, 'boom');
  const own = new SluiceError('USAGE', 'no');
  assert.equal(asSluiceError(own), own);
  assert.equal(own.exitStatus, 2);
});
