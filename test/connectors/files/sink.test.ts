import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { writeToJson, writeToText } from '../../../src/connectors/files/index.ts';
import { batchOf } from '../../../src/engine/batch.ts';
import type { Component, Json, Sink, StageContext } from '../../../src/engine/component.ts';
import { END_OF_TIME } from '../../../src/engine/time.ts';
import { contextOf } from '../../helpers/pipeline.ts';
import { smallDisk } from '../../helpers/small-disk.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const minute = { type: 'fixed', sizeMs: 60_000, offsetMs: 0 } as const;
const windowed = { windowing: minute, streaming: true };

async function open(
  component: Component,
  folder: string,
  config = {},
  more: Partial<StageContext> = {},
): Promise<Sink> {
  assert.equal(component.kind, 'sink');
  return component.open({ path: join(folder, 'o'), ...config }, contextOf(folder, more));
}

/** A checkpoint as the engine takes it; gives what it would hold. */
async function checkpoint(sink: Sink, watermark?: number): Promise<Json> {
  if (watermark !== undefined) sink.advance?.(watermark);
  const state = JSON.parse(JSON.stringify(await sink.prepare()));
  await sink.commit();
  return state;
}

const at = (lines: string[], ...times: number[]) => batchOf(lines, { times: Float64Array.from(times) });

/** What a reader sees: the files that are not hidden, with their text. */
async function visible(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(each =>
    each.isFile(),
  );
  const paths = names
    .map(each => join(each.parentPath, each.name))
    .filter(path => !path.includes('/.sluice-'));
  return Object.fromEntries(
    await Promise.all(
      paths.sort().map(async path => [path.slice(folder.length + 1), await readFile(path, 'utf8')]),
    ),
  );
}

test('a batch job shows its file only at the end, and leaves nothing else behind', async t => {
  const folder = await temporaryFolder(t);
  const sink = await open(writeToText, folder, { file_name_suffix: '.txt' });
  await sink.write(batchOf(['a', '', 'b']));
  await checkpoint(sink);
  assert.deepEqual(await visible(folder), {});
  await checkpoint(sink, END_OF_TIME);
  await sink.close(true);
  assert.deepEqual(await visible(folder), { 'o-00000-of-00001.txt': 'a\n\nb\n' });
  assert.deepEqual(await readdir(folder), ['o-00000-of-00001.txt']);
  assert.deepEqual(sink.outputs?.(), [join(folder, 'o-00000-of-00001.txt')]);
});

test('a batch job replaces what an earlier run has left', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'o-00000-of-00001'), 'old, and longer\n');
  const sink = await open(writeToText, folder);
  await sink.write(batchOf(['new']));
  await checkpoint(sink, END_OF_TIME);
  assert.deepEqual(await visible(folder), { 'o-00000-of-00001': 'new\n' });
});

test('dead letters never replace those of an earlier job', async t => {
  const folder = await temporaryFolder(t);
  for (const line of ['first', 'second']) {
    const sink = await open(writeToText, folder, { file_name_suffix: '.json' }, { deadLetter: true });
    await sink.write(batchOf([line]));
    await checkpoint(sink, END_OF_TIME);
  }
  assert.deepEqual(await visible(folder), {
    'o-00000-of-00001-pane-1.json': 'second\n',
    'o-00000-of-00001.json': 'first\n',
  });
});

test('two batch jobs at once do not replace what the other has just published', async t => {
  const folder = await temporaryFolder(t);
  const [one, two] = [
    await open(writeToText, folder),
    await open(writeToText, folder, {}, { jobId: 'other' }),
  ];
  for (const [sink, line] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    await sink.write(batchOf([line]));
    await checkpoint(sink, END_OF_TIME);
  }
  assert.deepEqual(Object.values(await visible(folder)).sort(), ['one\n', 'two\n']);
});

test('a window is published when the watermark passes its end', async t => {
  const folder = await temporaryFolder(t);
  const sink = await open(writeToText, folder, { shard_template: '-W-P' }, windowed);
  await sink.write(at(['a', 'c', 'b'], 10, 60_000, 59_999));
  await checkpoint(sink, 59_999);
  assert.deepEqual(await visible(folder), {});
  await checkpoint(sink, 60_000);
  assert.deepEqual(await visible(folder), {
    'o-1970-01-01T00:00:00.000Z-1970-01-01T00:01:00.000Z-pane-0-last': 'a\nb\n',
  });
});

test('what comes late becomes a late pane of its own and is counted', async t => {
  const folder = await temporaryFolder(t);
  const sink = await open(writeToText, folder, { shard_template: '-P' }, windowed);
  await sink.write(at(['on time'], 10));
  await checkpoint(sink, 70_000);
  const result = await sink.write(at(['late'], 20));
  assert.equal(result?.late, 1);
  await checkpoint(sink, END_OF_TIME);
  assert.deepEqual(await visible(folder), { 'o-pane-0-last': 'on time\n', 'o-pane-1-late': 'late\n' });
});

test('a stream never replaces a file that is there', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'o-pane-0-last'), 'of another job\n');
  const sink = await open(writeToText, folder, { shard_template: '-P' }, windowed);
  await sink.write(at(['mine'], 10));
  await checkpoint(sink, END_OF_TIME);
  assert.deepEqual(await visible(folder), { 'o-pane-0-last': 'of another job\n', 'o-pane-1-last': 'mine\n' });
});

test('without a pane in its template a second pane gets one in its name', async t => {
  const folder = await temporaryFolder(t);
  const sink = await open(writeToText, folder, { shard_template: '-SS', file_name_suffix: '.txt' }, windowed);
  await sink.write(at(['a'], 10));
  await checkpoint(sink, 60_000);
  await sink.write(at(['b'], 20));
  await checkpoint(sink, END_OF_TIME);
  assert.deepEqual(await visible(folder), { 'o-00.txt': 'a\n', 'o-00-pane-2.txt': 'b\n' });
});

test('shards share the batches, and workers share the shards', async t => {
  const folder = await temporaryFolder(t);
  for (const index of [0, 1]) {
    const sink = await open(
      writeToText,
      folder,
      { num_shards: 3 },
      { worker: { index, count: 2 }, stage: 'S' },
    );
    for (const line of ['a', 'b', 'c', 'd']) await sink.write(batchOf([`${index}${line}`]));
    await checkpoint(sink, END_OF_TIME);
    await sink.close(true);
  }
  assert.deepEqual(await visible(folder), {
    'o-00000-of-00003': '0a\n0c\n',
    'o-00001-of-00003': '1a\n1b\n1c\n1d\n',
    'o-00002-of-00003': '0b\n0d\n',
  });
  await assert.rejects(open(writeToText, folder, { num_shards: 1 }, { worker: { index: 1, count: 2 } }), {
    code: 'PARAMETERS_INVALID',
    message: /1 shards cannot be shared by 2 workers/,
  });
});

test('after a crash staged files are cut back to the checkpoint, and others removed', async t => {
  const folder = await temporaryFolder(t);
  const first = await open(writeToText, folder, { shard_template: '-W' }, windowed);
  await first.write(at(['kept'], 10));
  const restored = await checkpoint(first);
  await first.write(at(['lost'], 20));
  await first.write(at(['other window, lost'], 60_010));
  await first.prepare();
  const again = await open(writeToText, folder, { shard_template: '-W' }, { ...windowed, restored });
  await again.commit();
  await again.write(at(['again'], 20));
  await checkpoint(again, END_OF_TIME);
  await again.close(true);
  assert.deepEqual(Object.values(await visible(folder)), ['kept\nagain\n']);
});

test('a commit that was interrupted is completed, however often', async t => {
  for (const more of [windowed, {}]) {
    const folder = await temporaryFolder(t);
    const first = await open(writeToText, folder, {}, more);
    await first.write(at(['a'], 10));
    first.advance?.(END_OF_TIME);
    const restored = JSON.parse(JSON.stringify(await first.prepare()));
    for (let attempt = 0; attempt < 3; attempt++)
      await (await open(writeToText, folder, {}, { ...more, restored })).commit();
    assert.deepEqual(Object.values(await visible(folder)), ['a\n']);
  }
});

test('a staged file that lost what the checkpoint knows is refused', async t => {
  const folder = await temporaryFolder(t);
  const first = await open(writeToText, folder);
  await first.write(batchOf(['abc']));
  const restored = await checkpoint(first);
  const [staging = ''] = (await readdir(folder)).filter(name => name.startsWith('.sluice-'));
  const [staged = ''] = await readdir(join(folder, staging));
  await writeFile(join(folder, staging, staged), 'a');
  await assert.rejects(open(writeToText, folder, {}, { restored }), {
    code: 'CHECKPOINT_UNUSABLE',
    message: /no longer holds the 4 bytes the checkpoint knows of/,
  });
});

test('gzip output is whole at every checkpoint', async t => {
  const folder = await temporaryFolder(t);
  const first = await open(writeToText, folder, { file_name_suffix: '.gz' });
  await first.write(batchOf(['a']));
  const restored = await checkpoint(first);
  await first.write(batchOf(['lost']));
  await first.prepare();
  const again = await open(writeToText, folder, { file_name_suffix: '.gz' }, { restored });
  await again.write(batchOf(['b']));
  await checkpoint(again, END_OF_TIME);
  const bytes = await readFile(join(folder, 'o-00000-of-00001.gz'));
  assert.equal(gunzipSync(bytes).toString(), 'a\nb\n');
});

test('folders follow the end of the window', async t => {
  const folder = await temporaryFolder(t);
  const config = { path: join(folder, 'YYYY/MM/dd/HH-mm/o'), shard_template: '-SS' };
  const sink = await open(writeToText, folder, config, windowed);
  await sink.write(at(['a'], Date.UTC(2024, 1, 29, 23, 59, 30)));
  await checkpoint(sink, END_OF_TIME);
  await sink.close(true);
  assert.deepEqual(await visible(folder), { '2024/03/01/00-00/o-00': 'a\n' });
});

test('WriteToText takes the one field of a row and fails other rows', async t => {
  const folder = await temporaryFolder(t);
  const sink = await open(writeToText, folder, {}, { input: { form: 'row' } });
  const result = await sink.write(batchOf(['{"a":"x"}', '{"a":1,"b":2}', '{"a":{"c":1}}']));
  assert.equal(result?.failed?.failures?.[0]?.code, 'NOT_ONE_FIELD');
  await checkpoint(sink, END_OF_TIME);
  assert.deepEqual(await visible(folder), { 'o-00000-of-00001': 'x\n{"c":1}\n' });
});

test('WriteToJson writes rows on one line each, text as its field, and failures as Beam does', async t => {
  const failures = [{ code: 'X', message: 'why', transform: 'T', stack: 'at f' }];
  const cases: [StageContext['input'], ReturnType<typeof batchOf>, string][] = [
    [{ form: 'row' }, batchOf(['{"a":1}', '{\n "a": 2\n}']), '{"a":1}\n{"a":2}\n'],
    [{ form: 'text', field: 'line' }, batchOf(['é"']), '{"line":"é\\""}\n'],
    [
      { form: 'failure' },
      { ...batchOf(['x'], { failures }), failedField: 'line' },
      '{"element":{"line":"x"},"msg":"why","stack":"at f"}\n',
    ],
  ];
  for (const [input, batch, expected] of cases) {
    const folder = await temporaryFolder(t);
    const sink = await open(writeToJson, folder, {}, { input });
    await sink.write(batch);
    await checkpoint(sink, END_OF_TIME);
    assert.deepEqual(Object.values(await visible(folder)), [expected]);
  }
});

test('an output that cannot be written is refused by name', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(open(writeToText, folder, { path: join(folder, 'file/o') }), {
    code: 'OUTPUT_UNWRITABLE',
    message: /file\/o cannot be written: ENOTDIR/,
  });
});

test('a full disk fails the write and keeps what the checkpoint knows', async t => {
  const folder = await smallDisk(t, '2m');
  if (folder === undefined) return;
  const sink = await open(writeToText, folder);
  await sink.write(batchOf(['kept']));
  const restored = await checkpoint(sink);
  await assert.rejects(
    async () => {
      for (let i = 0; i < 100; i++) await sink.write(batchOf(['x'.repeat(100_000)]));
    },
    { code: 'ENOSPC' },
  );
  const again = await open(writeToText, folder, {}, { restored });
  await checkpoint(again, END_OF_TIME);
  assert.deepEqual(await visible(folder), { 'o-00000-of-00001': 'kept\n' });
});

test('an element of several sliding windows is in the files of each; one that a grouping gave, in those of its own', async t => {
  const folder = await temporaryFolder(t);
  const windowing = { type: 'sliding', sizeMs: 60_000, periodMs: 30_000, offsetMs: 0 } as const;
  const sink = await open(writeToText, folder, { shard_template: '-W' }, { windowing, streaming: true });
  await sink.write(at(['both'], 40_000));
  await sink.write(batchOf(['own'], { times: Float64Array.of(59_999), windows: Float64Array.of(0, 60_000) }));
  await checkpoint(sink, END_OF_TIME);
  const files = await visible(folder);
  assert.deepEqual(Object.values(files), ['both\nown\n', 'both\n']);
  assert.match(Object.keys(files).join(), /o-1970-01-01T00:00:00.000Z-1970-01-01T00:01:00.000Z,/);
});

test('a stream has no files for each session, which is told before anything is read', async t => {
  const folder = await temporaryFolder(t);
  const windowing = { type: 'sessions', gapMs: 1000 } as const;
  await assert.rejects(open(writeToText, folder, {}, { windowing, streaming: true }), {
    code: 'PIPELINE_INVALID',
    message: 'Stage: a stream has no files for each session: put a WindowInto with fixed windows before it',
  });
});
