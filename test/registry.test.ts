import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registry } from '../src/registry.ts';

test('every source and every sink says what it reads or writes', () => {
  const silent = [...registry.values()].filter(
    each => each.kind !== 'transform' && (each.system ?? '') === '',
  );
  assert.deepEqual(
    silent.map(({ name }) => name),
    [],
  );
});
