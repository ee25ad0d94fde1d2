import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, wordAddress } from '../../../src/connectors/sql/address.ts';
import { parseTable } from '../../../src/connectors/sql/names.ts';
import type { SluiceError } from '../../../src/errors.ts';

test('URLs of JDBC, psql and mysql are understood', () => {
  const cases: [string, string, object][] = [
    [
      'jdbc:postgresql://db.example.com:5433/shop',
      '',
      { dialect: 'postgres', host: 'db.example.com', port: 5433, database: 'shop' },
    ],
    ['jdbc:postgresql:shop', '', { dialect: 'postgres', host: 'localhost', port: 5432, database: 'shop' }],
    [
      'jdbc:mysql://db/shop?user=ada&password=p%26w',
      '',
      { dialect: 'mysql', host: 'db', port: 3306, database: 'shop', username: 'ada', password: 'p&w' },
    ],
    ['jdbc:mariadb://[::1]:3307/', '', { dialect: 'mysql', host: '::1', port: 3307, database: '' }],
    [
      'postgres://ada:p%40w:x@db/my%20shop?sslmode=require',
      '',
      {
        dialect: 'postgres',
        host: 'db',
        port: 5432,
        database: 'my shop',
        username: 'ada',
        password: 'p@w:x',
      },
    ],
    [
      'postgresql://db',
      'user=eve;sslMode=disable',
      { dialect: 'postgres', host: 'db', port: 5432, database: '', username: 'eve' },
    ],
  ];
  for (const [url, properties, expected] of cases) {
    const { options: _options, ...address } = parseAddress(url, properties);
    assert.deepEqual(address, expected, url);
  }
  const { options } = parseAddress('postgres://db/shop?sslMode=require&ssl=true', 'SSLMODE=verify-full');
  assert.deepEqual(
    [...options],
    [
      ['sslmode', 'verify-full'],
      ['ssl', 'true'],
    ],
  );
  assert.equal(wordAddress(parseAddress('postgres://ada:secret@db/shop')), 'PostgreSQL at db:5432/shop');
});

test('other URLs are refused, and never quoted whole', () => {
  for (const url of [
    'jdbc:oracle:thin:@db:1521:secret',
    'http://db/secret',
    'secret',
    'postgres://u:secret@h1,h2/db',
    'postgres://u:secret@h:99999/db',
    'postgres://u:secret@h:1:2/db',
    'postgres://u:%secret@h/db',
    'jdbc:postgresql://h/db?password=secret&socketFactory=com.google.cloud.sql.postgres.SocketFactory',
    `postgres://h/${'secret'.repeat(2000)}`,
  ]) {
    assert.throws(
      () => parseAddress(url),
      (error: SluiceError) => error.code === 'PARAMETERS_INVALID' && !error.message.includes('secret'),
      url,
    );
  }
});

test('names of tables are those of SQL, and nothing else gets into a statement', () => {
  assert.deepEqual(parseTable('Orders', 'postgres'), ['orders']);
  assert.deepEqual(parseTable('shop."My Orders".x', 'postgres'), ['shop', 'My Orders', 'x']);
  assert.deepEqual(parseTable('"a""b"', 'postgres'), ['a"b']);
  assert.deepEqual(parseTable('shop.`a``b`', 'mysql'), ['shop', 'a`b']);
  assert.deepEqual(parseTable('Orders', 'mysql'), ['Orders']);
  for (const name of [
    '',
    'a b',
    'a;b',
    'a.',
    '.a',
    '"a',
    'a--b c',
    "a'b",
    'f(x)',
    'a.b.c.d',
    'x'.repeat(2000),
  ])
    assert.throws(() => parseTable(name, 'postgres'), { code: 'PARAMETERS_INVALID' }, name);
});
