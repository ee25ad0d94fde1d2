import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SluiceError } from '../../../src/errors.ts';
import { rowsOf } from '../../../src/formats/rows.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { startPostgres } from '../../services/postgres.ts';
import { shared } from '../../services/service.ts';
import { inPostgres, newTable, openSource, readAll } from './servers.ts';

const skip = missing('postgres');
const server = shared(startPostgres);

test('rows have exact values of every kind, each on one line', { skip }, async t => {
  const postgres = await server();
  const query = `SELECT 9007199254740993 AS i, 1.5::numeric(10,2) AS n, 12345678901234567890.5::numeric AS long,
    'NaN'::float8 AS nan, true AS b, 'tab	, "quote", back\\slash, ' || chr(10) || chr(1) || chr(2) || 'ünï' AS s,
    '2026-11-20 10:00:00.25+01'::timestamptz AS tz, '2026-11-20 10:00'::timestamp(0) AS ts, 'infinity'::timestamp AS never,
    '2026-11-20'::date AS d, '10:05'::time AS ti, '\\x${'00ff'.repeat(60)}'::bytea AS bytes, '{"a": [1,
 "x"]}'::json AS j, '{"b":12345678901234567890}'::jsonb AS jb, array[1, null, 3] AS list,
    array['2026-11-20 10:00'::timestamp, null] AS times, array[array[1,2]] AS grid, array[1.5::numeric] AS numbers,
    null::text AS none, ARRAY[]::timestamp[] AS empty, row(1, 'x') AS pair, 'x'::name AS "odd ""name'";`;
  const source = await openSource(await temporaryFolder(t), { url: postgres.url, query });
  assert.deepEqual(await readAll(source), [
    {
      i: 9007199254740993n,
      n: 1.5,
      long: '12345678901234567890.5',
      nan: 'NaN',
      b: true,
      s: 'tab\t, "quote", back\\slash, \n\u0001\u0002ünï',
      tz: '2026-11-20 09:00:00.250000+00:00',
      ts: '2026-11-20 10:00:00.000000',
      never: 'infinity',
      d: '2026-11-20',
      ti: '10:05:00',
      bytes: Buffer.from('00ff'.repeat(60), 'hex').toString('base64'),
      j: { a: [1, 'x'] },
      jb: { b: 12345678901234567890n },
      list: [1, null, 3],
      times: ['2026-11-20 10:00:00.000000', null],
      grid: [[1, 2]],
      numbers: ['1.5'],
      none: null,
      empty: [],
      pair: { f1: 1, f2: 'x' },
      'odd "name\'': 'x',
    },
  ]);
  await source.close(true);
});

test('a restart goes on where it was, and the files of what has been read are gone', { skip }, async t => {
  const postgres = await server();
  const table = newTable();
  await inPostgres(
    postgres,
    `CREATE TABLE ${table} AS SELECT id, repeat('x', 100) AS text FROM generate_series(1, 30000) id`,
  );
  const folder = await temporaryFolder(t);
  const config = { url: postgres.url, table, partition_column: 'id', partitions: 3 };
  const { signal } = new AbortController();
  const seen: number[] = [];
  let restored: ReturnType<typeof JSON.parse>;
  for (let run = 0; run < 6; run++) {
    const source = await openSource(folder, config, { restored });
    for (let i = 0; i < 3; i++) {
      const batch = await source.read(signal);
      if (typeof batch === 'string') continue;
      seen.push(...rowsOf(batch, { form: 'row' }).map(({ id }) => Number(id)));
    }
    restored = JSON.parse(JSON.stringify(source.snapshot()));
    await source.acknowledge?.();
    // What comes after the checkpoint is read again by the next.
    await source.read(signal);
    await source.close(false);
    // What happens to the table meanwhile is nothing to what has been copied.
    if (run === 0) await inPostgres(postgres, `DELETE FROM ${table} WHERE id <= 5000`);
  }
  const files = (await readdir(join(folder, 'stages'), { recursive: true })).filter(name =>
    name.endsWith('.ndjson'),
  );
  assert.ok(files.length <= 2, files.join());
  const rest = await openSource(folder, config, { restored });
  seen.push(...(await readAll(rest)).map(({ id }) => Number(id)));
  await rest.close(true);
  assert.deepEqual(
    seen,
    Array.from({ length: 30_000 }, (_, i) => i + 1),
  );
  assert.deepEqual(await readdir(join(folder, 'stages')), []);
});

test('workers share the parts: each row is read by one, null and what comes beyond the ends too', {
  skip,
}, async t => {
  const postgres = await server();
  const table = newTable();
  await inPostgres(
    postgres,
    `CREATE TABLE ${table} AS SELECT id, CASE WHEN id % 100 > 0 THEN '2026-01-01'::timestamptz + id * interval '1.000001 second' END AS at, (id * 1.5)::numeric AS price, (id % 300)::smallint AS few, '2026-01-01'::date + id % 50 AS day FROM generate_series(1, 10000) id`,
  );
  const all = Array.from({ length: 10_000 }, (_, i) => i + 1);
  for (const column of ['id', 'at', 'price', 'few', 'day']) {
    const folder = await temporaryFolder(t);
    const shares: number[][] = [];
    for (const index of [0, 1, 2]) {
      const source = await openSource(
        join(folder, 'workers', String(index)),
        { url: postgres.url, table, partition_column: column, partitions: 7 },
        { worker: { index, count: 3 } },
      );
      // The parts stay as the first worker found them.
      if (index === 0) await inPostgres(postgres, `INSERT INTO ${table} (id) SELECT -1 WHERE false`);
      shares.push((await readAll(source)).map(({ id }) => Number(id)));
      await source.close(true);
    }
    assert.deepEqual(
      shares.flat().sort((a, b) => a - b),
      all,
      column,
    );
    assert.ok(
      Math.min(...shares.map(({ length }) => length)) > 1000,
      `${column}: ${shares.map(s => s.length)}`,
    );
  }
  const bounded = await openSource(await temporaryFolder(t), {
    url: postgres.url,
    query: `SELECT * FROM ${table}`,
    partition_column: 'id',
    partitions: 4,
    lower_bound: '10',
    upper_bound: '20',
  });
  assert.deepEqual(
    (await readAll(bounded)).map(({ id }) => id).sort((a, b) => Number(a) - Number(b)),
    all.slice(9, 20),
  );
  await bounded.close(true);
});

test('a server killed while a query is copied begins it again; a checkpoint need not wait for it', {
  skip,
}, async t => {
  const postgres = await server();
  const query = 'SELECT id, pg_sleep(0.0005)::text AS slept FROM generate_series(1, 3000) id';
  const reports: string[] = [];
  const source = await openSource(
    await temporaryFolder(t),
    { url: postgres.url, query },
    { report: (_severity, text) => void reports.push(text) },
  );
  const abort = new AbortController();
  const reading = source.read(abort.signal);
  abort.abort();
  assert.equal(await reading, 'idle');
  assert.equal(Object.hasOwn(JSON.parse(JSON.stringify(source.snapshot())), 'size'), false);
  const rows = readAll(source);
  const copying = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%'";
  while ((await inPostgres(postgres, copying)).length === 0);
  await postgres.restart();
  assert.deepEqual(
    (await rows).map(({ id }) => id),
    Array.from({ length: 3000 }, (_, i) => i + 1),
  );
  assert.match(reports.join(), /does not answer: .*the query starts again/);
  await source.close(true);
});

test('what cannot be read is refused by name, and nothing can be written', { skip }, async t => {
  const postgres = await server();
  const folder = await temporaryFolder(t);
  const refused = (config: object, code: string, message: RegExp) =>
    assert.rejects(openSource(folder, { url: postgres.url, ...config }), (error: SluiceError) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  await refused({ query: 'SELECT 1 AS a, 2 AS a' }, 'QUERY_INVALID', /two columns of the query are called a/);
  await refused({ query: 'SELEC 1' }, 'SQL_REFUSED', /syntax error/);
  await refused({ query: 'SELECT 1 AS a) AS q; DROP TABLE x; --' }, 'SQL_REFUSED', /./);
  await refused({ table: 'none_such' }, 'SQL_REFUSED', /"none_such" does not exist/);
  await refused(
    { query: "SELECT 'x' AS a", partition_column: 'a' },
    'PARAMETERS_INVALID',
    /column a is text/,
  );
  await refused(
    { query: 'SELECT 1 AS a', partition_column: 'a', lower_bound: 'low' },
    'PARAMETERS_INVALID',
    /no integer/,
  );
  await inPostgres(postgres, 'CREATE SEQUENCE counter');
  const source = await openSource(folder, { url: postgres.url, query: "SELECT nextval('counter') AS n" });
  await assert.rejects(readAll(source), /read-only transaction/);
  await source.close(true);
});
