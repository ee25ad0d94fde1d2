import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { test } from 'node:test';
import avro from 'avsc';
import { parquetReadObjects } from 'hyparquet';
import { missing } from '../services/index.ts';
import {
  assertDeadLetters,
  assertIds,
  ELEMENTS,
  fill,
  goodIds,
  linesOf,
  prepareCase,
  sharedBroker,
  untilAllRead,
  untilAllReadThroughKills,
  untilAllReadThroughOutage,
} from './kafka-jobs.ts';

const skip = missing('kafka');
const broker = sharedBroker();
const toFiles = (folder: string) => ({ outputDirectory: join(folder, 'out'), windowDuration: '1h' });

test('records go to the files of their windows; what fails becomes a dead letter', { skip }, async t => {
  const { topics } = await broker();
  const run = await prepareCase(t, await broker(), 'Kafka_to_GCS', toFiles);
  await fill(topics, run.input);
  assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
  assertOutcome(run.folder);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepareCase(t, await broker(), 'Kafka_to_GCS', toFiles, { SLUICE_CHECKPOINT_MS: '50' });
  assert.deepEqual((await untilAllReadThroughKills(await broker(), run)).elements, ELEMENTS);
  assertOutcome(run.folder);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepareCase(t, await broker(), 'Kafka_to_GCS', toFiles, { SLUICE_CHECKPOINT_MS: '100' });
  const summary = await untilAllReadThroughOutage(await broker(), run);
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  assertOutcome(run.folder);
});

const readers: Record<string, (path: string) => Promise<Record<string, string | object>[]>> = {
  async PARQUET(path) {
    const { buffer, byteOffset, length } = await readFile(path);
    return parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer });
  },
  async AVRO(path) {
    const rows: Record<string, string>[] = [];
    const reading = avro.createFileDecoder(path).on('data', row => rows.push(row));
    await finished(reading);
    return rows.map(({ message = '', ...row }) => ({
      ...row,
      message: Buffer.from(message, 'latin1').toString(),
    }));
  },
};

for (const [format, read] of Object.entries(readers))
  test(`files of ${format} have value, headers, key and time of each record`, { skip }, async t => {
    const { topics } = await broker();
    const run = await prepareCase(t, await broker(), 'Kafka_to_GCS', folder => ({
      ...toFiles(folder),
      outputFileFormat: format,
    }));
    await fill(topics, run.input);
    assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
    const paths = globSync(join(run.folder, `out/output*.${format.toLowerCase()}`));
    const rows = (await Promise.all(paths.map(read))).flat();
    assertIds(
      rows.map(({ message }) => String(message)),
      goodIds(),
    );
    const [first] = rows.filter(({ message }) => JSON.parse(String(message)).id === 1);
    assert.deepEqual({ ...Object(first?.attributes) }, { from: 'here', key: 'k1' });
    assertDeadLetters(join(run.folder, 'out/errors/error-*.json'));
  });

function assertOutcome(folder: string): void {
  assertIds(linesOf(join(folder, 'out/output*')), goodIds());
  assertDeadLetters(join(folder, 'out/errors/error-*.json'));
}
