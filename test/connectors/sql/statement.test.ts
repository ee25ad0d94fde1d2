import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatement } from '../../../src/connectors/sql/statement.ts';

test('each ? of an INSERT is the field of its column, whatever stands around it', () => {
  const cases: [string, string[], boolean][] = [
    ['INSERT INTO t (a,b) VALUES (?,?)', ['a', 'b'], true],
    ['insert into s.t ("A", b, c) values (upper(?), now(), coalesce(?, 0));', ['A', 'c'], true],
    ["INSERT INTO t (a, b) VALUES (?, '(?,') ON CONFLICT (a) DO UPDATE SET b = excluded.b", ['a'], true],
    ['/* (x?) */ INSERT INTO t (a, b) -- ?, (\n VALUES (?::int, ?)', ['a', 'b'], true],
    ['INSERT INTO t (a, b) SELECT ?, ?', ['a', 'b'], false],
    ['INSERT INTO t (a, b) VALUES (?, :other)', ['a', 'other'], true],
    ['INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = :more', ['a', 'more'], false],
    ['INSERT INTO t (a) VALUES (?), (1)', ['a'], false],
    ["UPDATE t SET a = :x::int, j = j ?? 'k' WHERE id = :id", ['x', 'id'], false],
    ["SELECT f(:a, $tag$ :no ? $tag$, E'\\' ?')", ['a'], false],
  ];
  for (const [text, fields, repeatable] of cases) {
    const statement = parseStatement(text, 'postgres');
    assert.deepEqual(statement.fields, fields, text);
    assert.equal(statement.repeated !== undefined, repeatable, text);
    assert.equal(statement.pieces.length, fields.length + 1);
  }
  assert.deepEqual(parseStatement("UPDATE t SET j = j ?? 'k?' WHERE id = :id", 'postgres').pieces, [
    "UPDATE t SET j = j ? 'k?' WHERE id = ",
    '',
  ]);
  assert.deepEqual(parseStatement('INSERT INTO `t` (`a`, b) VALUES (?, "?") # ?', 'mysql').fields, ['a']);
});

test('what cannot be understood is refused before anything runs', () => {
  for (const [text, why] of [
    ['INSERT INTO t VALUES (?, ?)', /which field/],
    ['INSERT INTO t (a, b) VALUES (?)', /2 columns and 1 values/],
    ['UPDATE t SET a = ?', /which field/],
    ['INSERT INTO t (a) VALUES (1)', /no \? or :name/],
    ['INSERT INTO t (a VALUES (?)', /parenthesis/],
    ['INSERT INTO t (a) VALUES (?); DROP TABLE t', /one statement/],
    [`SELECT ${':a,'.repeat(1001)} 1`, /more than 1000/],
  ] as const)
    assert.throws(() => parseStatement(text, 'postgres'), { code: 'PARAMETERS_INVALID', message: why }, text);
});

test('a long hostile statement is read in time', () => {
  const start = performance.now();
  for (const text of [
    `INSERT INTO ${'('.repeat(90_000)}`,
    `INSERT ${'a '.repeat(45_000)}`,
    `'${"''".repeat(45_000)}`,
  ])
    assert.throws(() => parseStatement(text, 'postgres'), { code: 'PARAMETERS_INVALID' });
  assert.ok(performance.now() - start < 2000);
});
