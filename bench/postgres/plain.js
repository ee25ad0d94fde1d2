/** The plainest loop from a file to a table: a line is parsed, its fields are escaped, and one COPY takes them all. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import pg from 'pg';

const [url, table, path, udf] = process.argv.slice(2);
const COLUMNS = ['id', 'quantity', 'price', 'customer', 'active', 'items', ...(udf ? ['total'] : [])];
const CHUNK = 1 << 18;

const client = new pg.Client({ connectionString: url });
await client.connect();
const copied = Promise.withResolvers();
let wire;
const started = Promise.withResolvers();
client.query({
  submit: connection => connection.query(`COPY ${table} (${COLUMNS}) FROM STDIN`),
  handleCopyInResponse(connection) {
    wire = connection;
    started.resolve();
  },
  handleError: copied.reject,
  handleCommandComplete() {},
  handleReadyForQuery: copied.resolve,
  callback() {},
});
await started.promise;

const escapes = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const text = value => {
  if (value === null || value === undefined) return '\\N';
  const plain = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[\\\n\r\t]/.test(plain) ? plain.replace(/[\\\n\r\t]/g, sign => escapes[sign]) : plain;
};
let chunk = '';
const send = async () => {
  wire.sendCopyFromChunk(Buffer.from(chunk));
  chunk = '';
  if (wire.stream.writableNeedDrain) await new Promise(resolve => wire.stream.once('drain', resolve));
};
for await (const line of createInterface({ input: createReadStream(path, { highWaterMark: CHUNK }) })) {
  let record = JSON.parse(line);
  if (udf) record = JSON.parse(JSON.stringify({ ...record, total: record.quantity * record.price }));
  chunk += `${COLUMNS.map(column => text(record[column])).join('\t')}\n`;
  if (chunk.length >= CHUNK) await send();
}
if (chunk) await send();
wire.endCopyFrom();
await copied.promise;
await client.end();
