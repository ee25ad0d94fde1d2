/** What DuckDB makes of the same file by itself: `plain.ts INPUT DATABASE`. */
import { literal, withDatabases } from '../../src/cloud/warehouse/duckdb.ts';

const [input = '', file = ''] = process.argv.slice(2);
await withDatabases([{ file, as: 'w', readOnly: false }], {}, connection =>
  connection.run(
    `CREATE TABLE w.main.records AS SELECT * FROM read_json(${literal(input)}, format = 'newline_delimited', columns = {
      id: 'BIGINT', carrier: 'VARCHAR', origin: 'VARCHAR', destination: 'VARCHAR', time: 'TIMESTAMPTZ',
      delay: 'DOUBLE', cancelled: 'BOOLEAN', note: 'VARCHAR'})`,
  ),
);
