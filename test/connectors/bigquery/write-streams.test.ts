import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { startBigQuery } from '../../services/bigquery.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { checkpoint, makeTable, newTable, openSink, write } from './cloud.ts';
import { serveWriteStreams } from './write-streams.ts';

const skip = missing('bigquery');
const server = shared(startBigQuery);
const COUNT = 20_000;

/** Several pieces of a quarter of a megabyte. */
const rows = Array.from({ length: COUNT }, (_, id) => ({ id, text: 'x'.repeat(50) }));

test('a segment that is published again after a kill is known by its offsets', { skip }, async t => {
  const { streams, open, home } = await prepare(t);
  const first = await open();
  await write(first, rows);
  const position = JSON.parse(JSON.stringify(await first.prepare()));
  const [path = ''] = globSync(join(home, 'stages/*/1.ndjson'));
  const staged = readFileSync(path);
  await first.commit();
  await first.close(false);
  assert.deepEqual([...streams.rows.values()], [COUNT]);
  // Killed before the segment was removed, and after.
  for (const isThere of [true, false]) {
    if (isThere) writeFileSync(path, staged);
    const again = await open(position);
    await again.commit();
    assert.deepEqual([...streams.rows.values()], [COUNT]);
    assert.ok(streams.repeated > 2, `${streams.repeated} pieces were sent again`);
    await again.close(false);
  }
  const last = await open(position);
  await last.commit();
  await write(last, rows);
  await checkpoint(last);
  await last.close(true);
  assert.deepEqual([...streams.rows.values()], [2 * COUNT]);
});

test('an append whose answer is lost is not written twice', { skip }, async t => {
  const { streams, open } = await prepare(t);
  const sink = await open();
  await write(sink, rows);
  streams.losing = 2;
  await checkpoint(sink);
  await sink.close(true);
  assert.deepEqual([...streams.rows.values()], [COUNT]);
  assert.ok(streams.repeated > 0);
});

test('a stream that is gone is replaced, with a warning', { skip }, async t => {
  const { streams, open, reports } = await prepare(t);
  const sink = await open();
  await write(sink, rows);
  await checkpoint(sink);
  streams.rows.delete([...streams.rows.keys()][0] ?? '');
  streams.rows.set('another', 7);
  await write(sink, rows);
  await checkpoint(sink);
  await sink.close(true);
  assert.deepEqual([...streams.rows.values()], [7, COUNT]);
  assert.match(
    reports.join('\n'),
    /BigQuery no longer has the stream of the job; up to 20000 rows may be there twice/,
  );
});

async function prepare(t: TestContext) {
  const [place, home, streams] = [await server(), await temporaryFolder(t), await serveWriteStreams(t)];
  const table = newTable(place);
  await makeTable(place, table, [
    { name: 'id', type: 'INTEGER' },
    { name: 'text', type: 'STRING' },
  ]);
  const reports: string[] = [];
  const behind = { ...place, grpcAddress: streams.address };
  const open = (restored?: never) =>
    openSink(
      behind,
      home,
      { table, method: 'STORAGE_WRITE_API' },
      {
        storage: true,
        streaming: true,
        jobId: 'job',
        report: (_severity, text) => void reports.push(text),
        ...(restored !== undefined && { restored }),
      },
    );
  return { streams, open, reports, home };
}
