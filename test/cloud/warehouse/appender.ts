/** Appends batches of rows to `d.t` for ever: `appender.ts HOME WORKER FIRST`; tells each that is committed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { appendOnce } from '../../../src/cloud/warehouse/append.ts';
import { parseTableName } from '../../../src/cloud/warehouse/names.ts';

export const BATCH_ROWS = 300;

const [home = '', worker = '0', first = '1'] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename) {
  for (let checkpoint = Number(first); ; checkpoint++) {
    const path = join(home, `${worker}.ndjson`);
    const ids = Array.from({ length: BATCH_ROWS }, (_, i) => checkpoint * BATCH_ROWS + i);
    writeFileSync(path, ids.map(id => `{"worker":${worker},"id":${id}}\n`).join(''));
    await appendOnce(
      {
        table: parseTableName('d.t'),
        fields: ['worker', 'id'].map(name => ({ name, type: 'INTEGER', mode: 'NULLABLE', fields: [] })),
        rows: { path, longestLine: 100 },
        position: { job: 'job', stage: 'Write', worker: Number(worker), checkpoint },
        create: true,
        disposition: 'append',
        options: {},
      },
      { home },
      {},
    );
    process.stdout.write(`${checkpoint}\n`);
  }
}
