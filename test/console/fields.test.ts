import assert from 'node:assert/strict';
import { test } from 'node:test';
import { othersOf, parametersIn } from '../../src/console/fields.ts';

test('what a program takes beside its parameters is lines, there and back', () => {
  const described = { parameters: [] };
  const given = { input: 'gs://a/b', query: 'a=b=c', empty: '' };
  const others = othersOf(described, given);
  assert.equal(others, 'input=gs://a/b\nquery=a=b=c\nempty=');
  assert.deepEqual(parametersIn({ others: `\r\n ${others}\n\n` }, described), given);
});
