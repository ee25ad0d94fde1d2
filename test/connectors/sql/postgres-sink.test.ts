import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SluiceError } from '../../../src/errors.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { type Postgres, startPostgres } from '../../services/postgres.ts';
import { shared } from '../../services/service.ts';
import { checkpoint, inPostgres, newTable, openSink, write } from './servers.ts';

const skip = missing('postgres');
const server = shared(startPostgres);

async function tableOf(columns: string): Promise<{ postgres: Postgres; table: string; url: string }> {
  const postgres = await server();
  const table = newTable();
  await inPostgres(postgres, `CREATE TABLE ${table} (${columns})`);
  return { postgres, table, url: postgres.url };
}

test('values of every kind are stored as the column has them', { skip }, async t => {
  const { postgres, table, url } = await tableOf(
    'i bigint, n numeric, f float8, b boolean, s text, ts timestamptz, d date, bytes bytea, j jsonb, list text[], grid integer[]',
  );
  const sink = await openSink(await temporaryFolder(t), { url, table });
  const failed = await write(sink, [
    {
      i: 9007199254740993n,
      n: '12345678901234567890.123456789',
      f: 0.1,
      b: true,
      s: 'tab\there, line\nthere, back\\slash, \\N, "quote", ünï, 😀',
      ts: '2026-11-20T10:00:00.25+01:00',
      d: '2026-11-20',
      bytes: 'AAEC/w==',
      j: { a: [1, 'x', null] },
      list: ['a', null, 'b"c\\d,{e}'],
      grid: [
        [1, 2],
        [3, 4],
      ],
    },
    { s: '' },
    { S: 'whatever the case of the name', j: 'no json' },
  ]);
  await checkpoint(sink);
  await sink.close(true);
  assert.deepEqual(failed, []);
  const rows = await inPostgres(
    postgres,
    `SELECT i::text, n::text, f, b, s, ts AT TIME ZONE 'UTC' = '2026-11-20 09:00:00.25' AS ts, d::text, encode(bytes, 'hex') AS bytes, j, list, grid FROM ${table} ORDER BY i NULLS LAST, s`,
  );
  assert.deepEqual(rows[0], {
    i: '9007199254740993',
    n: '12345678901234567890.123456789',
    f: 0.1,
    b: true,
    s: 'tab\there, line\nthere, back\\slash, \\N, "quote", ünï, 😀',
    ts: true,
    d: '2026-11-20',
    bytes: '000102ff',
    j: { a: [1, 'x', null] },
    list: ['a', null, 'b"c\\d,{e}'],
    grid: [
      [1, 2],
      [3, 4],
    ],
  });
  assert.deepEqual(
    rows.slice(1).map(({ s, j, i }) => ({ s, j, i })),
    [
      { s: '', j: null, i: null },
      { s: 'whatever the case of the name', j: 'no json', i: null },
    ],
  );
});

test('rows that the database refuses fail with its reason, all others are written', { skip }, async t => {
  const { postgres, table, url } = await tableOf(
    'id integer PRIMARY KEY, name varchar(5) NOT NULL, price numeric CHECK (price >= 0), parent integer',
  );
  await inPostgres(
    postgres,
    `ALTER TABLE ${table} ADD FOREIGN KEY (parent) REFERENCES ${table} DEFERRABLE INITIALLY DEFERRED`,
  );
  const sink = await openSink(await temporaryFolder(t), { url, table });
  const rows = Array.from({ length: 2000 }, (_, id) => ({
    id,
    name: 'a',
    price: 1,
    parent: null as number | null,
  }));
  const bad: Record<number, object> = {
    7: { name: 'much too long' },
    100: { price: -1 },
    101: { price: 'free' },
    500: { name: null },
    900: { parent: 99_999 },
    1200: { id: 3 },
    1999: { color: 'red' },
  };
  const failed = await write(
    sink,
    rows.map((row, i) => ({ ...row, ...bad[i] })),
  );
  assert.deepEqual(failed.map(each => each.split('\n')[0]).sort(), [
    `SQL_NO_SUCH_COLUMN the table has no column "color"`,
    `SQL_ROW_REFUSED duplicate key value violates unique constraint "${table}_pkey" (Key (id)=(3) already exists.) [23505]`,
    `SQL_ROW_REFUSED insert or update on table "${table}" violates foreign key constraint "${table}_parent_fkey" (Key (parent)=(99999) is not present in table "${table}".) [23503]`,
    'SQL_ROW_REFUSED invalid input syntax for type numeric: "free" [22P02]',
    `SQL_ROW_REFUSED new row for relation "${table}" violates check constraint "${table}_price_check" (Failing row contains (100, a, -1, null).) [23514]`,
    `SQL_ROW_REFUSED null value in column "name" of relation "${table}" violates not-null constraint (Failing row contains (500, null, 1, null).) [23502]`,
    'SQL_ROW_REFUSED value too long for type character varying(5) [22001]',
  ]);
  await checkpoint(sink);
  await sink.close(true);
  const [found] = await inPostgres(
    postgres,
    `SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM ${table}`,
  );
  assert.deepEqual(found, { n: 1993, ids: 1993 });
});

test('batches that gather fail with their own rows, and the last of those with one key stays', {
  skip,
}, async t => {
  const { postgres, table, url } = await tableOf('id integer PRIMARY KEY, batch integer CHECK (batch < 100)');
  const sink = await openSink(await temporaryFolder(t), { url, table, on_conflict: 'update', key: ['id'] });
  const batches = Array.from({ length: 20 }, (_, batch) =>
    Array.from({ length: 50 }, (_, i) => ({ id: (batch % 4) * 50 + i, batch })),
  );
  // In the midst of those that are written together, and alone.
  for (const at of [6, 7, 12]) batches[at]?.splice(30, 1, { id: 999, batch: 100 + at });
  const failed = await Promise.all(batches.map(rows => write(sink, rows)));
  assert.deepEqual(
    failed.flatMap((each, batch) => each.map(why => `${batch}: ${/contains (.*?)\)/.exec(why)?.[1]}`)),
    ['6: (999, 106', '7: (999, 107', '12: (999, 112'],
  );
  await checkpoint(sink);
  await sink.close(true);
  const found = await inPostgres(
    postgres,
    `SELECT batch, count(*)::int AS n FROM ${table} GROUP BY batch ORDER BY batch`,
  );
  assert.deepEqual(
    found,
    [16, 17, 18, 19].map(batch => ({ batch, n: 50 })),
  );
});

test('nothing is seen before the commit, and a column that no row has keeps its default', {
  skip,
}, async t => {
  const { postgres, table, url } = await tableOf(
    "id serial PRIMARY KEY, name text DEFAULT 'nobody', twice integer GENERATED ALWAYS AS (1) STORED",
  );
  const sink = await openSink(await temporaryFolder(t), { url, table });
  const failed = await write(sink, [
    { id: 10 },
    { id: 11, name: null },
    { name: 'x' },
    {},
    { id: 12, twice: 2 },
  ]);
  assert.deepEqual(failed, [
    'SQL_ROW_REFUSED the row has no field',
    'SQL_NO_SUCH_COLUMN the table has no column "twice"',
  ]);
  assert.deepEqual(await inPostgres(postgres, `SELECT * FROM ${table}`), []);
  await checkpoint(sink);
  assert.deepEqual(await inPostgres(postgres, `SELECT id, name FROM ${table} ORDER BY id`), [
    { id: 1, name: 'x' },
    { id: 10, name: 'nobody' },
    { id: 11, name: null },
  ]);
  await sink.close(true);
});

test('on_conflict: update replaces rows by key, the last of a batch counts; ignore keeps the first', {
  skip,
}, async t => {
  const { postgres, table, url } = await tableOf('id integer PRIMARY KEY, name text');
  await inPostgres(postgres, `INSERT INTO ${table} VALUES (1, 'old'), (2, 'stays')`);
  const folder = await temporaryFolder(t);
  const update = await openSink(folder, { url, table, on_conflict: 'update', key: ['id'] });
  assert.deepEqual(
    await write(update, [
      { id: 1, name: 'new' },
      { id: 3, name: 'first' },
      { id: 3, name: 'last' },
    ]),
    [],
  );
  assert.deepEqual(await write(update, [{ id: 1, name: 'newer' }]), []);
  const [why] = await write(update, [
    { id: null, name: 'no key' },
    { id: 4, name: 'four' },
  ]);
  assert.match(why ?? '', /^SQL_ROW_REFUSED null value in column "id"/);
  await checkpoint(update);
  await update.close(true);
  const ignore = await openSink(
    folder,
    { url, table, on_conflict: 'ignore', key: ['id'] },
    { stage: 'Other' },
  );
  await write(ignore, [
    { id: 1, name: 'ignored' },
    { id: 5, name: 'five' },
    { id: 5, name: 'ignored' },
  ]);
  await checkpoint(ignore);
  await ignore.close(true);
  assert.deepEqual(await inPostgres(postgres, `SELECT * FROM ${table} ORDER BY id`), [
    { id: 1, name: 'newer' },
    { id: 2, name: 'stays' },
    { id: 3, name: 'last' },
    { id: 4, name: 'four' },
    { id: 5, name: 'five' },
  ]);
});

test('a statement takes fields by the names of its columns, with functions among them', { skip }, async t => {
  const { postgres, table, url } = await tableOf(
    'id integer PRIMARY KEY, "Name" text, at timestamptz, tags text[], n integer',
  );
  const statement = `INSERT INTO ${table} (id, "Name", at, n, tags) VALUES (?, upper(?), now(), 1, ?) ON CONFLICT (id) DO UPDATE SET n = ${table}.n + 1`;
  const sink = await openSink(await temporaryFolder(t), { url, statement });
  const rows = Array.from({ length: 1500 }, (_, i) => ({
    id: i % 1499,
    Name: i === 7 ? null : `n${i}`,
    more: 'not asked for',
  }));
  assert.deepEqual(await write(sink, [...rows, { id: 'x' }]), [
    'SQL_ROW_REFUSED invalid input syntax for type integer: "x" [22P02]',
  ]);
  assert.deepEqual(await write(sink, [{ id: 5000, name: 'case', tags: ['a'] }]), []);
  await checkpoint(sink);
  await sink.close(true);
  const [found] = await inPostgres(
    postgres,
    `SELECT count(*)::int AS n, count("Name")::int AS names, sum(n)::int AS sum, count(at)::int AS times FROM ${table}`,
  );
  assert.deepEqual(found, { n: 1500, names: 1499, sum: 1501, times: 1500 });
  assert.deepEqual(await inPostgres(postgres, `SELECT "Name", tags FROM ${table} WHERE id = 5000`), [
    { Name: 'CASE', tags: ['a'] },
  ]);
});

test('a statement of another kind takes fields by name', { skip }, async t => {
  const { postgres, table, url } = await tableOf('id integer PRIMARY KEY, n integer');
  await inPostgres(postgres, `INSERT INTO ${table} VALUES (1, 0), (2, 0)`);
  const sink = await openSink(await temporaryFolder(t), {
    url,
    statement: `UPDATE ${table} SET n = n + :by::integer WHERE id = :id -- what? :nothing`,
  });
  await write(sink, [
    { id: 1, by: 2 },
    { id: 1, by: 3 },
    { id: 2, by: 4 },
  ]);
  await checkpoint(sink);
  await sink.close(true);
  assert.deepEqual(await inPostgres(postgres, `SELECT * FROM ${table} ORDER BY id`), [
    { id: 1, n: 5 },
    { id: 2, n: 4 },
  ]);
});

test('a commit that is repeated after a restart writes nothing twice, one that was missed is made up for', {
  skip,
}, async t => {
  const { postgres, table, url } = await tableOf('id integer PRIMARY KEY, name text');
  const folder = await temporaryFolder(t);
  const config = { url, table };
  const count = async () => (await inPostgres(postgres, `SELECT count(*)::int AS n FROM ${table}`))[0]?.n;
  const first = await openSink(folder, config);
  await write(first, [{ id: 1 }, { id: 'x' }, { id: 2, name: 'line\nend' }]);
  const state = JSON.parse(JSON.stringify(await first.prepare()));
  // It dies here: what came after the checkpoint was never asked to count.
  await write(first, [{ id: 3 }]);
  await first.close(false);
  assert.equal(await count(), 0);
  const second = await openSink(folder, config, { restored: state });
  await second.commit();
  assert.equal(await count(), 2);
  await second.close(false);
  const third = await openSink(folder, config, { restored: state });
  await third.commit();
  assert.equal(await count(), 2);
  assert.deepEqual(await write(third, [{ id: 3 }]), []);
  const ended = await checkpoint(third);
  assert.equal(await count(), 3);
  await third.close(true);
  // A worker that was killed before its last word finds that all is written.
  const last = await openSink(folder, config, { restored: ended });
  await last.commit();
  await last.close(true);
  assert.equal(await count(), 3);
  assert.deepEqual(await readdir(join(folder, 'stages')), []);
});

test('the server killed in the middle of a segment, and of a commit, loses and doubles nothing', {
  skip,
}, async t => {
  const { postgres, table, url } = await tableOf('id integer PRIMARY KEY, name text');
  const reports: string[] = [];
  const sink = await openSink(
    await temporaryFolder(t),
    { url, table },
    { report: (severity, text) => void reports.push(`${severity} ${text}`) },
  );
  const rowsFrom = (from: number) => Array.from({ length: 1000 }, (_, i) => ({ id: from + i, name: 'x' }));
  await write(sink, rowsFrom(0));
  await checkpoint(sink);
  await write(sink, rowsFrom(1000));
  await postgres.kill();
  const writing = write(sink, [...rowsFrom(2000), { id: 1, name: 'twice' }]);
  await postgres.restart();
  assert.match((await writing).join(), /^SQL_ROW_REFUSED duplicate key/);
  const state = JSON.parse(JSON.stringify(await sink.prepare()));
  await postgres.kill();
  const committing = sink.commit();
  await postgres.restart();
  await committing;
  assert.ok(state.length > 0);
  await write(sink, rowsFrom(3000));
  await checkpoint(sink);
  await sink.close(true);
  const [found] = await inPostgres(postgres, `SELECT count(*)::int AS n, max(id) AS max FROM ${table}`);
  assert.deepEqual(found, { n: 4000, max: 3999 });
  assert.match(reports.join(), /PostgreSQL at 127.0.0.1:\d+\/postgres does not answer/);
  assert.doesNotMatch(reports.join(), /sluice-secret/);
});

test('what cannot work is refused by name, before a row is written', { skip }, async t => {
  const { postgres, table, url } = await tableOf('id integer PRIMARY KEY, name text');
  const folder = await temporaryFolder(t);
  const refused = async (config: object, code: string, message: RegExp) => {
    await assert.rejects(openSink(folder, config), (error: SluiceError) => {
      assert.match(`${error.code} ${error.message}`, new RegExp(`^${code} `));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /sluice-secret|wrong-secret/);
      return true;
    });
  };
  const place = `127.0.0.1:${postgres.port}`;
  await refused(
    { url: `postgres://sluice:wrong-secret@${place}/postgres`, table },
    'AUTHENTICATION_FAILED',
    /password authentication failed/,
  );
  await refused({ url: `postgres://sluice@${place}/postgres`, table }, 'AUTHENTICATION_FAILED', /./);
  await refused({ url: `${url}x`, table }, 'SQL_REFUSED', /database "postgresx" does not exist/);
  await refused(
    { url: 'jdbc:postgresql://127.0.0.1:1/postgres', table },
    'SERVICE_UNREACHABLE',
    /ECONNREFUSED/,
  );
  await refused({ url: 'jdbc:oracle:thin:@h', table }, 'PARAMETERS_INVALID', /oracle is no database/);
  await refused({ url: `${url}?sslmode=require`, table }, 'SQL_REFUSED', /does not support SSL/);
  await refused({ url, table: 'none_such' }, 'TABLE_NOT_FOUND', /none_such/);
  await refused({ url, table: 'a; DROP TABLE b' }, 'PARAMETERS_INVALID', /names no table/);
  await refused(
    { url, table, on_conflict: 'update', key: ['name'] },
    'SQL_REFUSED',
    /no unique or exclusion constraint/,
  );
  await refused({ url, table, on_conflict: 'update', key: ['none'] }, 'PARAMETERS_INVALID', /no column none/);
  await refused({ url, statement: 'INSERT INTO t VALUES (?)' }, 'PARAMETERS_INVALID', /which field/);
  await inPostgres(postgres, "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'wrong-secret'");
  await refused(
    { url: `postgres://guest:wrong-secret@${place}/postgres`, table },
    'AUTHENTICATION_FAILED',
    /permission denied/,
  );
});
