import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readFromCsv, writeToCsv } from '../../../src/connectors/files/index.ts';
import type { Sink, Source, StageContext } from '../../../src/engine/component.ts';
import { type Row, rowBatch } from '../../../src/formats/rows.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const { signal } = new AbortController();

async function openSource(
  t: TestContext,
  folder: string,
  config: object,
  more: Partial<StageContext> = {},
): Promise<Source> {
  if (readFromCsv.kind !== 'source') throw new Error();
  const source = await readFromCsv.open({ path: join(folder, '*.csv*'), ...config }, contextOf(folder, more));
  t.after(() => source.close(true));
  return source;
}

async function readAll(source: Source): Promise<Row[]> {
  const rows: Row[] = [];
  for (let batch = await source.read(signal); typeof batch === 'object'; batch = await source.read(signal))
    rows.push(...textsOf(batch).map(text => JSON.parse(text)));
  return rows;
}

const files: [what: string, text: string, rows: Row[], config?: object][] = [
  [
    'types are inferred, leading zeros are lost',
    'a,b,c,d\n007,1,true,x\n8,2.5,False,2026-11-20\n',
    [
      { a: 7, b: 1, c: true, d: 'x' },
      { a: 8, b: 2.5, c: false, d: '2026-11-20' },
    ],
  ],
  [
    'what stands for nothing is null',
    'a,b\n1,\nNA,x\n,null\n',
    [
      { a: 1, b: null },
      { a: null, b: 'x' },
      { a: null, b: null },
    ],
  ],
  ['a column of mixed values is text', 'a\n1\nx\n', [{ a: '1' }, { a: 'x' }]],
  [
    'the last record counts for its column too',
    'v\n1.50\n2\n3\nzz\n',
    [{ v: '1.50' }, { v: '2' }, { v: '3' }, { v: 'zz' }],
  ],
  ['without inference everything is text', 'a,b\n007,NA\n', [{ a: '007', b: 'NA' }], { infer_types: false }],
  ['quotes hold delimiters, quotes and line breaks', 'a,b\r\n"x,""y""\nz",2\r\n', [{ a: 'x,"y"\nz', b: 2 }]],
  [
    'a mark of the byte order, comments, empty lines and no newline at the end',
    '\ufeffa;b\n# no\n\n1;2 # yes\n3;4',
    [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ],
    { delimiter: ';', comment: '#' },
  ],
  ['names instead of a header', '1,x\n', [{ n: 1, s: 'x' }], { names: ['n', 's'] }],
  ['doubled and empty names', 'a,a,\n1,2,3\n', [{ a: 1, 'a.1': 2, 'Unnamed: 2': 3 }]],
  ['a record that is too short', 'a,b\n1\n', [{ a: 1, b: null }]],
  ['nothing but a header', 'a,b\n', []],
];

for (const [what, text, rows, config = {}] of files) {
  test(`ReadFromCsv: ${what}`, async t => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'in.csv'), text);
    assert.deepEqual(await readAll(await openSource(t, folder, config)), rows);
  });
}

test('types are inferred from a thousand records, however long they are', async t => {
  const folder = await temporaryFolder(t);
  const padding = 'x'.repeat(1000);
  const values = Array.from({ length: 1500 }, (_, i) => (i === 999 ? 'no' : `0${i}`));
  const text = values.map(value => `${value},${padding}\n`).join('');
  await writeFile(join(folder, 'in.csv'), `v,padding\n${text}`);
  const rows = await readAll(await openSource(t, folder, {}));
  assert.deepEqual(
    rows.map(({ v }) => v),
    values,
  );
});

test('the columns of each further file are inferred from all its records', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, '1.csv'), 'a\n1\n');
  await writeFile(join(folder, '2.csv'), 'a,b\n2,3\n4,x\n');
  assert.deepEqual(await readAll(await openSource(t, folder, {})), [
    { a: 1 },
    { a: 2, b: '3' },
    { a: 4, b: 'x' },
  ]);
});

test('long integers stay exact', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'in.csv'), 'a\n9007199254740993\n');
  const batch = await (await openSource(t, folder, {})).read(signal);
  assert.ok(typeof batch === 'object');
  assert.deepEqual(textsOf(batch), ['{"a":9007199254740993}']);
});

const broken: [what: string, text: string, message: RegExp][] = [
  ['too many fields', 'a\n1,2\n', /in.csv: a record has 2 fields, and there are 1 columns: 1,2/],
  ['a quote that is not closed', 'a\n"1\n', /in.csv cannot be read as CSV: Quote Not Closed/],
];

for (const [what, text, message] of broken) {
  test(`ReadFromCsv fails the job for ${what}`, async t => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'in.csv'), text);
    await assert.rejects(readAll(await openSource(t, folder, {})), message);
  });
}

for (const compressed of [false, true]) {
  test(`a restart goes on at the next record, also within quotes and ${compressed ? 'compressed' : 'plain'} files`, async t => {
    const folder = await temporaryFolder(t);
    const records = Array.from({ length: 5000 }, (_, i) => `${i},"line\nof é ${i}"\r\n`);
    const text = `\ufeffid,text\r\n${records.join('')}`;
    await writeFile(join(folder, compressed ? 'in.csv.gz' : 'in.csv'), compressed ? gzipSync(text) : text);
    const source = await openSource(t, folder, {});
    const first = await source.read(signal);
    assert.ok(typeof first === 'object' && first.count < 5000);
    const restored = JSON.parse(JSON.stringify(source.snapshot()));
    await source.read(signal);
    const rest = await readAll(await openSource(t, folder, {}, { restored }));
    const ids = [...textsOf(first).map(row => JSON.parse(row)), ...rest].map(row => [row.id, row.text]);
    assert.deepEqual(
      ids,
      Array.from({ length: 5000 }, (_, i) => [i, `line\nof é ${i}`]),
    );
  });
}

async function openSink(
  folder: string,
  config: object = {},
  more: Partial<StageContext> = {},
): Promise<Sink> {
  if (writeToCsv.kind !== 'sink') throw new Error();
  const row = { form: 'row' } as const;
  return writeToCsv.open(
    { path: join(folder, 'out/x'), ...config },
    contextOf(folder, { input: row, inputs: [{ type: row }], ...more }),
  );
}

const contentOf = (folder: string) =>
  globSync(join(folder, 'out/x*'))
    .sort()
    .map(path => readFileSync(path, 'utf8'));

test('WriteToCsv writes a header once a file, and each row once, over a restart', async t => {
  const folder = await temporaryFolder(t);
  const sink = await openSink(folder);
  await sink.write(
    rowBatch([
      { a: 1, b: 'x,"y"' },
      { b: null, a: 2.5 },
    ]),
  );
  const restored = JSON.parse(JSON.stringify(await sink.prepare()));
  await sink.commit();
  await sink.write(rowBatch([{ a: 'taken back', b: '' }]));
  const again = await openSink(folder, {}, { restored });
  const result = await again.write(
    rowBatch([{ a: true, b: [1, { c: 2 }] }, { a: 1, c: 1 }, { a: 9_007_199_254_740_993n }]),
  );
  assert.deepEqual(result?.failed?.failures, [
    { code: 'NO_SUCH_COLUMN', message: 'no such column: c', transform: 'Stage' },
  ]);
  again.advance?.(Number.POSITIVE_INFINITY);
  await again.prepare();
  await again.commit();
  await again.close(true);
  assert.deepEqual(contentOf(folder), ['a,b\n1,"x,""y"""\n2.5,\nTrue,"[1,{""c"":2}]"\n9007199254740993,\n']);
});

test('WriteToCsv without a header, with columns of one’s own', async t => {
  const folder = await temporaryFolder(t);
  const sink = await openSink(folder, { header: false, columns: ['b', 'a'], delimiter: ';' });
  await sink.write(rowBatch([{ a: 1, b: 2 }]));
  sink.advance?.(Number.POSITIVE_INFINITY);
  await sink.prepare();
  await sink.commit();
  assert.deepEqual(contentOf(folder), ['2;1\n']);
});
