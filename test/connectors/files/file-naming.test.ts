import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkPatterns,
  DEFAULT_PATTERNS,
  datedFolder,
  fileName,
  fixedFolder,
} from '../../../src/connectors/files/file-naming.ts';

const window = { start: Date.UTC(2017, 0, 8, 10, 55), end: Date.UTC(2017, 0, 8, 10, 56) };
const naming = {
  prefix: 'gs://b/out/output',
  suffix: '',
  shardTemplate: 'W-P-SS-of-NN',
  patterns: DEFAULT_PATTERNS,
};

test('the default name holds window, pane and shard', () => {
  const day = { start: Date.UTC(2022, 0, 1), end: Date.UTC(2022, 0, 1, 0, 5) };
  assert.equal(
    fileName(naming, { index: 0, count: 1 }, day, { index: 0, late: false }),
    'gs://b/out/output2022-01-01T00:00:00.000Z-2022-01-01T00:05:00.000Z-pane-0-last-00-of-01',
  );
});

test('a late pane says so', () => {
  assert.match(
    fileName(naming, { index: 0, count: 1 }, window, { index: 1, late: true }),
    /-pane-1-late-00-of-01$/,
  );
});

test('shard and count are padded to the length of their letters', () => {
  const csv = { ...naming, prefix: '/d/string-output', shardTemplate: '-SSS-of-NNN', suffix: '.csv' };
  assert.equal(fileName(csv, { index: 1, count: 1 }), '/d/string-output-001-of-001.csv');
});

test('what is not windowed is in the global window, and its folders stay as they are', () => {
  const global = { ...naming, prefix: '/d/YYYY/o', shardTemplate: '-W-SS' };
  assert.equal(fileName(global, { index: 0, count: 1 }), '/d/YYYY/o-GlobalWindow-00');
});

test('letters inside words are no part of a shard template', () => {
  assert.equal(
    fileName({ ...naming, prefix: '/d/o', shardTemplate: '-SNAP-S' }, { index: 3, count: 9 }),
    '/d/o-SNAP-3',
  );
});

const folders: [string, string, Partial<typeof DEFAULT_PATTERNS>?][] = [
  ['gs://test-bucket-mm/YYYY/MM/dd/HH:mm/', 'gs://test-bucket-mm/2017/01/08/10:56/'],
  [
    'gs://b/y/M/D/H:m/',
    'gs://b/2017/1/8/10:56/',
    { year: 'y', month: 'M', day: 'D', hour: 'H', minute: 'm' },
  ],
  ['gs://b/mmmm/', 'gs://b/0056/', { minute: 'mmmm' }],
  ['gs://b/{mm}/', 'gs://b/56/', { minute: '{mm}' }],
  ['gs://b/yy/', 'gs://b/17/', { year: 'yy' }],
  ['gs://b/recommendation/mm/', 'gs://b/recommendation/56/'],
  ['/local/commands/dd/', '/local/commands/08/'],
];
for (const [folder, expected, patterns] of folders) {
  test(`${folder} becomes ${expected}`, () => {
    assert.equal(datedFolder(folder, window, { ...DEFAULT_PATTERNS, ...patterns }), expected);
  });
}

test('D counts the days of the year', () => {
  const march = { start: 0, end: Date.UTC(2024, 2, 1) };
  assert.equal(datedFolder('/D/', march, { ...DEFAULT_PATTERNS, day: 'D' }), '/61/');
});

test('files wait in the part of the folder that no pattern changes', () => {
  assert.equal(fixedFolder('gs://b/out/YYYY/MM/o', DEFAULT_PATTERNS), 'gs://b/out/');
  assert.equal(fixedFolder('/d/recommendation/o', DEFAULT_PATTERNS), '/d/recommendation/');
});

test('a pattern of other letters is refused', () => {
  assert.throws(
    () => checkPatterns({ ...DEFAULT_PATTERNS, minute: 'i' }),
    /"i" is no pattern for the minute, e.g. mm/,
  );
});
