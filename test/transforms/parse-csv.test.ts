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
