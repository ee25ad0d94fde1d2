// The plainest loop from a file to a table of DuckDB: a line is parsed, and its fields are appended one by one.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { DuckDBInstance, DuckDBTimestampTZValue } from '@duckdb/node-api';

const [input, file, columnsText, udf] = process.argv.slice(2);
const columns = Object.entries(JSON.parse(columnsText));

const transform = payload => {
  const record = JSON.parse(payload);
  record.processed = true;
  return JSON.stringify(record);
};

const instance = await DuckDBInstance.create(file);
const connection = await instance.connect();
await connection.run(`CREATE TABLE records (${columns.map(([name, type]) => `${name} ${type}`)})`);
const appender = await connection.createAppender('records');
const append = {
  BIGINT: value => appender.appendBigInt(BigInt(value)),
  DOUBLE: value => appender.appendDouble(value),
  BOOLEAN: value => appender.appendBoolean(value),
  VARCHAR: value => appender.appendVarchar(value),
  TIMESTAMPTZ: value =>
    appender.appendTimestampTZ(new DuckDBTimestampTZValue(BigInt(Date.parse(value)) * 1000n)),
};
const fields = columns.map(([name, type]) => ({ name, append: append[type] }));
for await (const line of createInterface({ input: createReadStream(input, { highWaterMark: 1 << 18 }) })) {
  const record = JSON.parse(udf ? transform(line) : line);
  for (const { name, append } of fields) append(record[name]);
  appender.endRow();
}
appender.closeSync();
connection.closeSync();
instance.closeSync();
