/** What DuckDB makes of the same file by itself: `own-reader.ts INPUT DATABASE COLUMNS`. */
import { literal, withDatabases } from '../../src/cloud/warehouse/duckdb.ts';

const [input = '', file = '', columnsText = ''] = process.argv.slice(2);
const columns = Object.entries(JSON.parse(columnsText) as Record<string, string>);
const types = columns.map(([name, type]) => `${name}: ${literal(type)}`).join(', ');
await withDatabases([{ file, as: 'w', readOnly: false }], {}, connection =>
  connection.run(
    `CREATE TABLE w.main.records AS SELECT * FROM read_json(${literal(input)}, format = 'newline_delimited', columns = {${types}})`,
  ),
);
