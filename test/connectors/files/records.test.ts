import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  readFromAvro,
  readFromParquet,
  writeToAvro,
  writeToParquet,
} from '../../../src/connectors/files/index.ts';
import { batchOf } from '../../../src/engine/batch.ts';
import type { Component } from '../../../src/engine/component.ts';
import { END_OF_TIME } from '../../../src/engine/time.ts';
import { type Row, rowBatch, stringifyRow } from '../../../src/formats/rows.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { openSink, openSource, readOne, readTexts, stateOf, writeRows } from './record-parts.ts';

const formats: [name: string, writeTo: Component, readFrom: Component][] = [
  ['Avro', writeToAvro, readFromAvro],
  ['Parquet', writeToParquet, readFromParquet],
];

const PERSON = {
  type: 'record',
  name: 'Person',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'price', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 }] },
  ],
};

const personOf = (id: number): Row => ({
  id,
  name: id % 3 === 0 ? null : `name ${id % 100}`,
  tags: Array.from({ length: id % 4 }, (_, i) => `t${i}`),
  at: new Date(1_700_000_000_000 + id * 1000).toISOString().replace('.000', ''),
  price: id % 5 === 0 ? null : `${id}.25`,
});

const people = (count: number, from = 0): Row[] =>
  Array.from({ length: count }, (_, i) => personOf(from + i));
const textsOf = (rows: readonly Row[]): string[] => rows.map(stringifyRow);

for (const [name, writeTo, readFrom] of formats) {
  test(`${name}: 10,000 rows with a schema come back; those that do not fit are refused one by one`, async t => {
    const folder = await temporaryFolder(t);
    const rows = people(10_000);
    const given = rows.map((row, i) => (i % 100 === 50 ? { ...row, id: `no ${i}` } : row));
    const sink = await openSink(writeTo, folder, { path: join(folder, 'out/o'), schema: PERSON });
    const refused = await writeRows(sink, given);
    assert.equal(refused.length, 100);
    assert.equal(refused[0], 'SCHEMA_VIOLATED: id takes an integer of 64 bits, not the text "no 50"');
    const [path = ''] = sink.outputs?.() ?? [];
    assert.match(path, new RegExp(`/out/o-00000-of-00001\\.${name.toLowerCase()}$`));
    assert.equal((await readdir(join(folder, 'out'))).length, 1, 'nothing else is left');
    const source = await openSource(t, readFrom, folder, { path });
    assert.deepEqual(await readTexts(source), textsOf(rows.filter((_, i) => i % 100 !== 50)));
  });

  test(`${name}: without a schema the rows tell it, all of them`, async t => {
    const folder = await temporaryFolder(t);
    const rows: Row[] = [
      { n: 1, v: 1, list: [1, 2], only: null, o: { a: 1 } },
      { n: 2, v: 2.5, day: '2026-11-20', list: null, only: [], o: { a: 2, b: {}, c: null } },
      { n: 2n ** 60n, v: null, day: '2026-11-21', at: '2026-11-20T10:05:00.5Z', o: null },
      { n: 4, v: true, mixed: { deep: [1, null] } },
      { n: 5, v: 'x', mixed: [1] },
      { n: 6, 'no name': 1 },
    ];
    const told: string[] = [];
    const report = (_severity: string, text: string) => void told.push(text);
    const sink = await openSink(writeTo, folder, { path: join(folder, 'o') }, { report });
    const refused = await writeRows(sink, rows, 2);
    assert.deepEqual(refused, ['SCHEMA_VIOLATED: "no name" is no name of letters, digits and underscores']);
    assert.deepEqual(told, [
      'Stage: the schema that the rows tell is n INTEGER, v STRING, list INTEGER REPEATED, only JSON, o RECORD, day DATE, at TIMESTAMP, mixed JSON',
    ]);
    const source = await openSource(t, readFrom, folder, { path: join(folder, 'o*') });
    const read = (await readTexts(source)).map(text => JSON.parse(text));
    assert.deepEqual(
      read.map(({ v }) => v),
      ['1', '2.5', null, 'true', 'x'],
    );
    assert.deepEqual(read[0].o, { a: 1 });
    assert.deepEqual(read[1], {
      n: 2,
      v: '2.5',
      list: [],
      only: [],
      o: { a: 2 },
      day: '2026-11-20',
      at: null,
      mixed: null,
    });
    assert.equal(read[2].at, '2026-11-20T10:05:00.500000Z');
    assert.deepEqual(
      read.slice(3).map(({ mixed }) => mixed),
      [{ deep: [1, null] }, [1]],
    );
  });

  for (const schema of [PERSON, undefined])
    test(`${name}: a restart goes on from any checkpoint ${schema ? 'with' : 'without'} a schema, and files are whole`, async t => {
      const folder = await temporaryFolder(t);
      const config = { path: join(folder, 'o'), ...(schema && { schema }) };
      let sink = await openSink(writeTo, folder, config);
      for (let from = 0; from < 500; from += 100) {
        await sink.write(rowBatch(people(100, from)));
        const restored = await stateOf(sink);
        await sink.commit();
        // Lost with the worker: it is read again.
        await sink.write(rowBatch(people(100, from + 100)));
        await sink.close(false);
        sink = await openSink(writeTo, folder, config, { restored });
      }
      sink.advance?.(END_OF_TIME);
      const sealed = await stateOf(sink);
      await sink.close(false);
      // Killed before the commit, and again after it.
      for (let i = 0; i < 2; i++) {
        sink = await openSink(writeTo, folder, config, { restored: sealed });
        await sink.commit();
        await sink.close(i === 1);
      }
      const source = await openSource(t, readFrom, folder, { path: join(folder, 'o*') });
      assert.deepEqual(await readTexts(source), textsOf(people(500)));
      assert.equal((await readdir(folder)).length, 1);
    });

  test(`${name}: windows have files of their own, and nothing is left of them in hiding`, async t => {
    const folder = await temporaryFolder(t);
    const windowing = { type: 'fixed', sizeMs: 60_000, offsetMs: 0 } as const;
    const config = { path: join(folder, 'o'), record: 'pubsub_message' };
    const sink = await openSink(writeTo, folder, config, {
      windowing,
      streaming: true,
      input: { form: 'text', field: 'payload' },
    });
    const times = Float64Array.from([0, 1, 60_000, 1]);
    const metadata = [{ attributes: { a: 'b' } }, {}, {}, {}];
    await sink.write(batchOf(['one', Buffer.from([0xff, 0]), 'late', 'two'], { times, metadata }));
    sink.advance?.(60_000);
    await sink.prepare();
    await sink.commit();
    const [first, ...others] = globSync(join(folder, 'o*'));
    assert.deepEqual(others, []);
    const source = await openSource(t, readFrom, folder, { path: first ?? '' });
    assert.deepEqual(
      (await readTexts(source)).map(text => JSON.parse(text)),
      [
        { message: 'b25l', attributes: { a: 'b' }, timestamp: 0 },
        { message: '/wA=', attributes: {}, timestamp: 1 },
        { message: 'dHdv', attributes: {}, timestamp: 1 },
      ],
    );
    const hidden = (await readdir(folder)).find(each => each.startsWith('.sluice-')) ?? '';
    assert.equal((await readdir(join(folder, hidden))).length, 1, 'that of the open window');
    await sink.close(true);
  });

  test(`${name}: reading goes on from any position, and workers share without doubles`, async t => {
    const folder = await temporaryFolder(t);
    const config = {
      schema: PERSON,
      num_shards: 3,
      ...(name === 'Parquet' && { row_group_buffer_size: 20_000 }),
    };
    await writeRows(await openSink(writeTo, folder, { path: join(folder, 'o'), ...config }), people(9000));
    const path = join(folder, 'o*');
    const read = async (worker: { index: number; count: number }) => {
      const texts: string[] = [];
      let source = await openSource(t, readFrom, folder, { path }, { worker });
      for (let batch = await readOne(source); batch; batch = await readOne(source)) {
        texts.push(...batch);
        const restored = await stateOf(source);
        await source.close(false);
        source = await openSource(t, readFrom, folder, { path }, { worker, restored });
      }
      return texts;
    };
    const expected = textsOf(people(9000)).sort();
    assert.deepEqual((await read({ index: 0, count: 1 })).sort(), expected);
    const shares = await Promise.all([0, 1].map(index => read({ index, count: 2 })));
    assert.ok(shares.every(share => share.length > 0));
    assert.deepEqual(shares.flat().sort(), expected);
  });

  test(`${name}: files that are none, cut off or spoilt are told by name, and never more than that`, async t => {
    const folder = await temporaryFolder(t);
    await writeRows(
      await openSink(writeTo, folder, { path: join(folder, 'o'), schema: PERSON }),
      people(300),
    );
    const [path = ''] = globSync(join(folder, 'o*'));
    const whole = await readFile(path);
    const bad = join(folder, 'bad');
    const read = async (bytes: Buffer) => {
      await writeFile(bad, bytes);
      return readTexts(await openSource(t, readFrom, folder, { path: bad }));
    };
    const refused = { code: 'INPUT_UNREADABLE', message: /\/bad cannot be read: / };
    await assert.rejects(read(Buffer.from('a,b\n1,2\n')), refused);
    await assert.rejects(read(Buffer.alloc(0)), refused);
    await assert.rejects(read(whole.subarray(0, -5)), refused);
    await assert.rejects(read(whole.subarray(0, whole.length >> 1)), refused);
    let unnoticed = 0;
    for (let i = 0; i < 150; i++) {
      const spoilt = Buffer.from(whole);
      const at = Math.floor((i * whole.length) / 150);
      spoilt[at] = (spoilt[at] ?? 0) ^ (1 << (i % 8));
      await read(spoilt).then(
        () => unnoticed++,
        error => assert.match(String(error.code), /^(INPUT_UNREADABLE|SCHEMA_INVALID)$/, String(error.stack)),
      );
    }
    // Neither format has checksums everywhere.
    t.diagnostic(`${unnoticed} of 150 went unnoticed`);
    assert.ok(unnoticed < 150);
  });
}

test('Parquet refuses schemas that have no columns, before anything is written', async t => {
  const folder = await temporaryFolder(t);
  const refused = (type: unknown, message: RegExp) =>
    assert.rejects(
      openSink(writeToParquet, folder, {
        path: join(folder, 'o'),
        schema: { type: 'record', name: 'R', fields: [{ name: 'x', type }] },
      }),
      { code: 'SCHEMA_INVALID', message },
    );
  await refused(
    ['null', 'long', 'string'],
    /x is a union of null and long and string: a column has one type/,
  );
  await refused(['null', 'R'], /x holds itself/);
  await refused('null', /x can only be null/);
  await refused({ type: 'record', name: 'E', fields: [] }, /the record x has no fields/);
});

test('a schema may be a file of Avro or of BigQuery', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'schema.json');
  await writeFile(
    path,
    JSON.stringify([
      { name: 'id', type: 'INT64', mode: 'REQUIRED' },
      { name: 'price', type: 'NUMERIC' },
    ]),
  );
  const sink = await openSink(writeToAvro, folder, { path: join(folder, 'o'), schema: path });
  const refused = await writeRows(sink, [{ id: '7', price: '1.5' }, { price: 1 }, { id: 1, other: 1 }]);
  assert.deepEqual(refused, [
    'SCHEMA_VIOLATED: id is missing',
    'SCHEMA_VIOLATED: other is no field of the schema',
  ]);
  const source = await openSource(t, readFromAvro, folder, { path: join(folder, 'o*') });
  assert.deepEqual(await readTexts(source), ['{"id":7,"price":"1.500000000"}']);
  await writeFile(path, '"int"');
  await assert.rejects(openSink(writeToAvro, folder, { path: join(folder, 'o'), schema: path }), {
    code: 'SCHEMA_INVALID',
    message: /schema\.json: rows are records, and it is of int/,
  });
});
