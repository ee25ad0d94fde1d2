import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  emptyReport,
  imbalanceOf,
  noteLine,
  plain,
  withoutReports,
} from '../../../src/launchers/docker/program-report.ts';
import { checkProgress } from '../../../src/worker/check-told.ts';

/** What comes of these lines, one after the other. */
function told(...lines: (string | object)[]) {
  const report = emptyReport();
  const said = lines.map(line => noteLine(report, typeof line === 'string' ? line : JSON.stringify(line)));
  const { program } = report.progress.counters;
  // What is kept is what the supervisor takes from any worker.
  assert.deepEqual(checkProgress(JSON.parse(JSON.stringify(report.progress))), report.progress);
  return { report, said: said.filter(Boolean), program };
}

test('reports become counters, outputs and a state, and nothing of them is a message', () => {
  const { report, said, program } = told(
    { type: 'running' },
    {
      type: 'progress',
      elements: { read: 7, written: 3, filtered: 2, deadLettered: 1 },
      counters: { words: 5 },
    },
    { type: 'progress', elements: { read: 8 }, counters: { lines: 2 }, watermark: '2026-11-20T12:00:00Z' },
    { type: 'outputs', paths: ['/out/a', '/out/b', '/out/a'] },
    { type: 'failed', code: 'NO_INPUT', message: 'there is none' },
    { type: 'failed', code: 'LATER', message: 'of no account' },
  );
  assert.deepEqual(said, []);
  assert.equal(report.isRunning, true);
  assert.deepEqual([program?.in, program?.out, program?.filtered, program?.failed], [8, 3, 2, 1]);
  assert.deepEqual(program?.named, { words: 5, lines: 2 });
  assert.equal(report.progress.watermark, Date.UTC(2026, 10, 20, 12));
  assert.deepEqual(report.outputs, ['/out/a', '/out/b']);
  assert.equal(report.failure, 'NO_INPUT: there is none');
});

const messages: [line: string | object, severity: string, text: string][] = [
  ['plain words', 'INFO', 'plain words'],
  [{ type: 'message', severity: 'WARNING', text: 'mind this' }, 'WARNING', 'mind this'],
  [{ type: 'message', text: 'no severity' }, 'INFO', 'no severity'],
  [{ type: 'message', severity: 'constructor', text: 'x' }, 'INFO', 'x'],
  [{ severity: 'CRITICAL', message: 'of a log library' }, 'ERROR', 'of a log library'],
  [{ severity: 'notice', message: 'small letters' }, 'INFO', 'small letters'],
  [{ type: 'invented', a: 1 }, 'INFO', '{"type":"invented","a":1}'],
  ['{"type": "progress", ', 'INFO', '{"type": "progress",'],
  ['[1, 2]', 'INFO', '[1, 2]'],
  ['\u001b[31mred\u001b[0m\r', 'INFO', '\ufffd[31mred\ufffd[0m'],
  ['x'.repeat(10_000), 'INFO', `${'x'.repeat(4000)}…`],
  ['{'.repeat(60_000), 'INFO', `${'{'.repeat(4000)}…`],
  ['['.repeat(60_000), 'INFO', `${'['.repeat(4000)}…`],
];

test('what is no report is a message', () => {
  for (const [line, severity, text] of messages) assert.deepEqual(told(line).said, [{ severity, text }]);
  for (const line of ['', '   ', '\r']) assert.equal(plain(line), undefined);
});

const forged: object[] = [
  { elements: { read: -1 } },
  { elements: { read: 1.5 } },
  { elements: { read: '7' } },
  { elements: { read: 1e308 } },
  { elements: { read: null } },
  { elements: { invented: 1 } },
  { elements: [1] },
  { counters: 'many' },
  { counters: { 'a\u0000b': 1 } },
  { counters: { constructor: 1 } },
  { counters: { ['x'.repeat(101)]: 1 } },
  { watermark: 'soon' },
  { watermark: '9999-01-01T00:00:00Z' },
  { watermark: -5 },
];

test('counters that nobody can count are left out, with a warning', () => {
  for (const each of forged) {
    const { said, report, program } = told({ type: 'progress', ...each });
    assert.equal(said[0]?.severity, 'WARNING', JSON.stringify(each));
    assert.match(said[0]?.text ?? '', /^a progress report is wrong: /);
    assert.deepEqual([program?.in, program?.named, report.progress.watermark], [0, {}, undefined]);
  }
  const { program } = told(
    '{"type":"progress","counters":{"__proto__":1,"good":2},"elements":{"__proto__":{"read":9}}}',
  );
  assert.deepEqual(program?.named, { good: 2 });
  assert.equal(program?.in, 0);
  assert.equal(Object.getPrototypeOf(program?.named), Object.prototype);
});

test('the counters and outputs that are kept are limited', () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`c${i}`, i]));
  const { program, said } = told(
    { type: 'progress', counters: many },
    { type: 'progress', counters: { c5: 99 } },
  );
  assert.equal(Object.keys(program?.named ?? {}).length, 200);
  assert.equal(program?.named.c5, 99);
  assert.match(said[0]?.text ?? '', /200 are kept/);
  const paths = Array.from({ length: 5000 }, (_, i) => `/out/${i}`);
  assert.equal(
    told({ type: 'outputs', paths }, { type: 'outputs', paths: ['/more'] }).report.outputs.length,
    1000,
  );
  assert.equal(told({ type: 'outputs', paths: '/one' }).said[0]?.severity, 'WARNING');
  assert.deepEqual(told({ type: 'outputs', paths: [1, '', null, '/a'] }).report.outputs, ['/a']);
});

test('last words have what is said to people, and no reports', () => {
  const said = [
    '{"type":"progress","elements":{"read":7}}',
    'cannot connect',
    '{"type":"message","severity":"ERROR","text":"no route"}',
    '{"type":"failed","message":"it fails"}',
    '{"severity":"error","message":"giving up"}',
  ];
  assert.equal(withoutReports(said.join('\n')), 'cannot connect\nno route\ngiving up');
});

test('books of a program that do not balance are told, once it has reported all of them', () => {
  const oddAfter = (...elements: object[]) =>
    imbalanceOf(told(...elements.map(each => ({ type: 'progress', elements: each }))).report);
  const good = { read: 9, written: 7, filtered: 1, deadLettered: 1 };
  assert.equal(oddAfter(good), undefined);
  assert.equal(
    oddAfter({ read: 9, written: 7 }, { filtered: 0, deadLettered: 1 }),
    'the books do not balance: the program reports 9 elements read, but 7 written, 0 filtered and 1 dead-lettered',
  );
  assert.equal(oddAfter({ read: 9, written: 7, filtered: 0 }), undefined);
  assert.equal(oddAfter({ ...good, read: 3 }, { read: 9 }), undefined);
  assert.equal(oddAfter(), undefined);
});
