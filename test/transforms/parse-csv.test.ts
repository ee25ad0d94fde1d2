import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { batchOf } from '../../src/engine/batch.ts';
import { parseCsv } from '../../src/transforms/parse-csv.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { openTransform } from './open.ts';

const lines: [line: string | Buffer, row: Record<string, unknown> | string, delimiter?: string][] = [
  ['007,Bond', { a: '007', b: 'Bond' }],
  ['"a,b","say ""hi"""', { a: 'a,b', b: 'say "hi"' }],
  [',', { a: '', b: '' }],
  ['1||2', { a: '1', b: '2' }, '||'],
  ['1\t"x\ty"', { a: '1', b: 'x\ty' }, '\t'],
  ['x"y,z', { a: 'x"y', b: 'z' }],
  ['__proto__,ü', { a: '__proto__', b: 'ü' }],
  ['', 'it has 1 field, and there are 2 columns'],
  ['1,2,3', 'it has 3 fields, and there are 2 columns'],
  ['"open,1', 'the quote at letter 1 is not closed'],
  ['"a"b,1', 'letter 4 follows a closing quote'],
  [Buffer.from([0x61, 0x2c, 0xff]), 'it is not valid UTF-8'],
];

for (const [line, row, delimiter] of lines) {
  test(`ParseCsv takes ${JSON.stringify(String(line))}`, async t => {
    const { process } = await openTransform(t, parseCsv, { columns: ['a', 'b'], delimiter });
    const { good, failed } = await process(batchOf([line]));
    if (typeof row === 'string')
      assert.deepEqual(failed?.failures, [{ code: 'CSV_MALFORMED', message: row, transform: 'Stage' }]);
    else
      assert.deepEqual(
        good.flatMap(textsOf).map(text => JSON.parse(text)),
        [row],
      );
  });
}

test('the header of each file is filtered out, an empty field is null where its column is no text', async t => {
  const folder = await temporaryFolder(t);
  const schema = join(folder, 'schema.json');
  await writeFile(schema, '[{"name": "s", "type": "STRING"}, {"name": "i", "type": "INTEGER"}]');
  const { process } = await openTransform(t, parseCsv, { schema, header: true, encoding: 'ISO-8859-1' });
  const bytes = [Buffer.from('s,i'), Buffer.from('\xe9,', 'latin1'), Buffer.from(',""')];
  const first = await process(batchOf(bytes, { origin: { path: 'a.csv', offset: 0 } }));
  assert.deepEqual(first.good.flatMap(textsOf), ['{"s":"é","i":null}', '{"s":"","i":""}']);
  assert.equal(first.filtered, 1);
  const later = await process(batchOf(['s,i'], { origin: { path: 'a.csv', offset: 100 } }));
  assert.equal(later.filtered, 0);
});

test('with a typed schema values become numbers and booleans; one that is none of its type fails its line', async t => {
  const path = join(await temporaryFolder(t), 'schema.json');
  const columns = Object.entries({ n: 'LONG', x: 'double', b: 'BOOLEAN', s: 'KEYWORD' });
  await writeFile(path, JSON.stringify(columns.map(([name, type]) => ({ name, type }))));
  const { process } = await openTransform(t, parseCsv, { typed_schema: path });
  const { good, failed } = await process(
    batchOf(['9007199254740993,0.5,true,007', ',,,', '1.5,0,true,a', '1,much,true,b', '1,2,maybe,c']),
  );
  assert.deepEqual(good.flatMap(textsOf), [
    '{"n":9007199254740993,"x":0.5,"b":true,"s":"007"}',
    '{"n":null,"x":null,"b":null,"s":""}',
  ]);
  assert.deepEqual(
    failed?.failures?.map(({ message }) => message),
    [
      'n takes LONG, not the text "1.5"',
      'x takes DOUBLE, not the text "much"',
      'b takes BOOLEAN, not the text "maybe"',
    ],
  );
});

const schemas: [text: string, message: RegExp][] = [
  ['{', /the schema .* it is not JSON/],
  ['[]', /it must be a list of \{name, type\}/],
  ['[{"type":"LONG"}]', /column 1 has no name/],
  ['[{"name":"a"},{"name":"a"}]', /the column a is there twice/],
  ['[{"name":"a","type":"OBJECT"}]', /the type of a is "OBJECT"; there are LONG, /],
];
for (const [text, message] of schemas)
  test(`the typed schema ${text} is refused`, async t => {
    const path = join(await temporaryFolder(t), 'schema.json');
    await writeFile(path, text);
    await assert.rejects(openTransform(t, parseCsv, { typed_schema: path }), {
      code: 'PARAMETERS_INVALID',
      message,
    });
  });

test('the header of a file names the columns of its lines, and must name each', async t => {
  const { process } = await openTransform(t, parseCsv, { columns_of_header: true });
  const header = Buffer.from('\uFEFFid, name');
  const origin = { path: '/in.csv', offset: 0, header };
  const { good, filtered } = await process({ ...batchOf([header, '1,a']), origin });
  assert.deepEqual(good.flatMap(textsOf), ['{"id":"1","name":"a"}']);
  assert.equal(filtered, 1);
  const wrong = { ...batchOf(['1,a']), origin: { ...origin, header: Buffer.from('id,id') } };
  await assert.rejects(async () => process(wrong), {
    code: 'INPUT_UNREADABLE',
    message: /^\/in\.csv: its first line is no header/,
  });
  await assert.rejects(async () => process(batchOf(['1,a'])), {
    code: 'PIPELINE_INVALID',
    message: /header: true/,
  });
});
