import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config.ts';
import {
  readFromAvro,
  readFromParquet,
  writeToAvro,
  writeToParquet,
} from '../../../src/connectors/files/index.ts';
import { END_OF_TIME } from '../../../src/engine/time.ts';
import { rowBatch, stringifyRow } from '../../../src/formats/rows.ts';
import { startGcsBuckets } from '../../helpers/buckets.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { openSink, openSource, readTexts, stateOf } from './record-parts.ts';

const gcs = shared(startGcsBuckets);

for (const [readFrom, writeTo, more] of [
  [readFromAvro, writeToAvro, {}],
  [readFromParquet, writeToParquet, { row_group_buffer_size: 30_000 }],
] as const)
  test(`${writeTo.name} puts whole objects, once, and ${readFrom.name} reads them`, {
    skip: missing('gcs'),
  }, async t => {
    const server = await gcs();
    const bucket = await server.bucket();
    const home = await temporaryFolder(t);
    const config = loadConfig({ SLUICE_HOME: home, ...server.env() });
    const rows = Array.from({ length: 5000 }, (_, id) => ({ id, name: `name ${id}` }));
    const settings = { path: `${bucket.url}/out/part`, num_shards: 2, ...more };
    let sink = await openSink(writeTo, home, settings, { config });
    for (let i = 0; i < rows.length; i += 1000) await sink.write(rowBatch(rows.slice(i, i + 1000)));
    sink.advance?.(END_OF_TIME);
    const restored = await stateOf(sink);
    assert.deepEqual(await bucket.names(), []);
    // Killed before the commit, and after it.
    for (const ended of [false, true]) {
      await sink.close(false);
      sink = await openSink(writeTo, home, settings, { config, restored });
      await sink.commit();
      if (ended) await sink.close(true);
    }
    const names = await bucket.names();
    assert.equal(names.length, 2);
    const source = await openSource(t, readFrom, home, { path: `${bucket.url}/out/part*` }, { config });
    assert.deepEqual((await readTexts(source)).sort(), rows.map(stringifyRow).sort());
  });
