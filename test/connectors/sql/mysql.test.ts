import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SluiceError } from '../../../src/errors.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { startMysql } from '../../services/mysql.ts';
import { shared } from '../../services/service.ts';
import { checkpoint, inMysql, newTable, openSink, openSource, readAll, write } from './servers.ts';

const skip = missing('mysql');
const server = shared(startMysql);

test('values of every kind go in and come out exactly', { skip }, async t => {
  const { url, ...mysql } = await server();
  const table = newTable();
  await inMysql(
    { url, ...mysql },
    `CREATE TABLE ${table} (id bigint unsigned PRIMARY KEY, n decimal(10,2), lng decimal(40,10), f double, b tinyint(1), bits bit(10), s text CHARACTER SET utf8mb4, d date, dt datetime(3), ts timestamp(6) NULL, ti time, y year, bytes blob, j json, e enum('a','b'), dflt int DEFAULT 7)`,
  );
  const folder = await temporaryFolder(t);
  const sink = await openSink(folder, { url, table });
  const row = {
    id: 18446744073709551615n,
    n: 1.5,
    lng: '123456789012345678901234567890.0123456789',
    f: 0.1,
    b: true,
    s: `quote ', "double", back\\slash, ?, \n\u0000 ünï 😀`,
    d: '2026-11-20',
    dt: '2026-11-20T10:00:00.25+01:00',
    ts: '2026-11-20 10:00:00.123456Z',
    ti: '10:05:00',
    y: 2026,
    bytes: 'AAEC/w==',
    j: { a: [1, 'x', null] },
    e: 'b',
  };
  assert.deepEqual(await write(sink, [row, { ID: 1, b: 2, dflt: null, d: null }]), []);
  await checkpoint(sink);
  await sink.close(true);
  const source = await openSource(folder, { url, query: `SELECT * FROM ${table} ORDER BY id DESC` });
  const [first, second] = await readAll(source);
  await source.close(true);
  assert.deepEqual(first, {
    ...row,
    bits: null,
    dt: '2026-11-20 09:00:00.250000',
    ts: '2026-11-20 10:00:00.123456+00:00',
    // MariaDB's JSON is text.
    j: '{"a":[1,"x",null]}',
    dflt: 7,
  });
  assert.deepEqual([second?.id, second?.b, second?.dflt, second?.d], [1, true, null, null]);
});

test('rows that the database refuses fail with its reason, all others are written once', {
  skip,
}, async t => {
  const mysql = await server();
  const table = newTable();
  await inMysql(
    mysql,
    `CREATE TABLE ${table} (id int PRIMARY KEY, name varchar(5) NOT NULL, price decimal(6,2) CHECK (price >= 0))`,
  );
  const sink = await openSink(await temporaryFolder(t), { url: mysql.url, table });
  const rows = Array.from({ length: 2000 }, (_, id) => ({ id, name: 'a', price: 1 }));
  const bad: Record<number, object> = {
    7: { name: 'much too long' },
    100: { price: -1 },
    101: { price: 'free' },
    500: { name: null },
    1200: { id: 3 },
    1999: { color: 'red' },
  };
  const failed = await write(
    sink,
    rows.map((row, i) => ({ ...row, ...bad[i] })),
  );
  const codes = failed.map(each => /\[(\w+)\]$/.exec(each)?.[1] ?? each);
  assert.deepEqual(codes.sort(), [
    '1048',
    '1062',
    '1366',
    '1406',
    '4025',
    'SQL_NO_SUCH_COLUMN the table has no column "color"',
  ]);
  await checkpoint(sink);
  await sink.close(true);
  const [found] = await inMysql(mysql, `SELECT count(*) AS n FROM ${table}`);
  assert.deepEqual({ ...found }, { n: 1994 });
});

test('the server killed in the middle of a segment, and of a commit, loses and doubles nothing', {
  skip,
}, async t => {
  const mysql = await server();
  const table = newTable();
  await inMysql(mysql, `CREATE TABLE ${table} (id int PRIMARY KEY, n int NOT NULL DEFAULT 1)`);
  const statement = `INSERT INTO ${table} (id) VALUES (?) ON DUPLICATE KEY UPDATE n = n + 1`;
  const folder = await temporaryFolder(t);
  const sink = await openSink(folder, { url: mysql.url, statement });
  const rowsFrom = (from: number) => Array.from({ length: 1000 }, (_, i) => ({ id: from + i }));
  await write(sink, rowsFrom(0));
  await mysql.kill();
  const writing = write(sink, rowsFrom(500));
  await mysql.restart();
  assert.deepEqual(await writing, []);
  const state = JSON.parse(JSON.stringify(await sink.prepare()));
  await mysql.kill();
  const committing = sink.commit();
  await mysql.restart();
  await committing;
  await sink.close(false);
  const again = await openSink(folder, { url: mysql.url, statement }, { restored: state });
  await again.commit();
  await again.close(true);
  const [found] = await inMysql(mysql, `SELECT count(*) AS n, CAST(sum(n) AS int) AS sum FROM ${table}`);
  assert.deepEqual({ ...found }, { n: 1500, sum: 2000 });
});

test('a table in parts, by numbers and times; what cannot be read is refused', { skip }, async t => {
  const mysql = await server();
  const table = newTable();
  await inMysql(
    mysql,
    `CREATE TABLE ${table} AS SELECT seq AS id, if(seq % 100 = 0, NULL, TIMESTAMP'2026-01-01 00:00:00' + INTERVAL seq SECOND) AS at FROM seq_1_to_5000`,
  );
  for (const column of ['id', 'at']) {
    const source = await openSource(await temporaryFolder(t), {
      url: mysql.url,
      table,
      partition_column: column,
      partitions: 5,
    });
    const ids = (await readAll(source)).map(({ id }) => Number(id));
    await source.close(true);
    assert.deepEqual(
      ids.sort((a, b) => a - b),
      Array.from({ length: 5000 }, (_, i) => i + 1),
    );
  }
  const folder = await temporaryFolder(t);
  const refused = (config: object, code: string, message: RegExp) =>
    assert.rejects(openSource(folder, { url: mysql.url, table, ...config }), (error: SluiceError) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  await refused({ password: 'wrong' }, 'AUTHENTICATION_FAILED', /Access denied/);
  await refused({ url: 'jdbc:mariadb://127.0.0.1:1/data' }, 'SERVICE_UNREACHABLE', /ECONNREFUSED/);
  await refused({ table: 'none_such' }, 'SQL_REFUSED', /none_such/);
});
