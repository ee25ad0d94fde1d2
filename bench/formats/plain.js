/** The plainest loops over the libraries: `plain.js avro|parquet write|read INPUT OUTPUT`; lines of JSON on the other side. */

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import avro from 'avsc';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { parquetWriteFile } from 'hyparquet-writer';

const [format, what, input, output, schemaText] = process.argv.slice(2);
const schema = JSON.parse(schemaText);
const lines = () => createInterface({ input: createReadStream(input, { highWaterMark: 1 << 18 }) });

if (format === 'avro' && what === 'write') {
  const encoder = avro.createFileEncoder(output, schema, { codec: 'deflate' });
  for await (const line of lines()) if (!encoder.write(JSON.parse(line))) await once(encoder, 'drain');
  encoder.end();
  await once(encoder, 'finish');
} else if (format === 'avro') {
  const out = createWriteStream(output);
  for await (const record of avro.createFileDecoder(input))
    if (!out.write(`${JSON.stringify(record)}\n`)) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
} else if (what === 'write') {
  const columns = schema.fields.map(({ name, type }) => ({
    name,
    data: [],
    type: { long: 'INT64', double: 'DOUBLE', string: 'STRING', boolean: 'BOOLEAN' }[type],
  }));
  for await (const line of lines()) {
    const row = JSON.parse(line);
    for (const { name, data, type } of columns) data.push(type === 'INT64' ? BigInt(row[name]) : row[name]);
  }
  await parquetWriteFile({ filename: output, columnData: columns, rowGroupSize: 100_000 });
} else {
  const out = createWriteStream(output);
  const file = await asyncBufferFromFile(input);
  const bigints = (_key, value) => (typeof value === 'bigint' ? Number(value) : value);
  for (const row of await parquetReadObjects({ file, compressors }))
    if (!out.write(`${JSON.stringify(row, bigints)}\n`)) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
}
