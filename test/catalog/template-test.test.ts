import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TemplateTest } from '../../src/catalog/meta-schema.ts';
import {
  runTemplateTest,
  type TestMessage,
  type TestRun,
  type TestRunner,
} from '../../src/catalog/template-test.ts';

const done: TestRun = { state: 'DONE', elements: { read: 2, written: 1, filtered: 0, deadLettered: 1 } };

/** A runner whose job does what `job` does with its parameters. */
function runnerOf(
  job: (parameters: Record<string, unknown>) => Promise<TestRun>,
  messages: TestMessage[] = [],
) {
  const calls: unknown[] = [];
  const runner: TestRunner = {
    async run(templateId, parameters, drainAfter) {
      calls.push(['run', templateId, drainAfter]);
      return job(parameters);
    },
    createSubscription: async (...given) => void calls.push(['createSubscription', ...given]),
    publish: async (...given) => void calls.push(['publish', ...given]),
    pull: async (...given) => {
      calls.push(['pull', ...given]);
      return messages;
    },
    rows: async table => {
      calls.push(['rows', table]);
      return ['{"id":9007199254740993}', '{"id":1,"name":"one"}'];
    },
  };
  return { runner, calls };
}

async function writeOutput(path: unknown, text: string): Promise<void> {
  await mkdir(dirname(String(path)), { recursive: true });
  await writeFile(String(path), text);
}

test('files are made, the job runs on them, and what it wrote is compared in any order', async () => {
  let folder = '';
  const { runner } = runnerOf(async ({ input, output }) => {
    folder = dirname(String(input));
    assert.equal(await readFile(String(input), 'utf8'), 'a\nb\n');
    assert.equal(await readFile(join(folder, 'udf.js'), 'utf8'), 'x');
    await writeOutput(`${output}/out-1`, 'two\n{"a": 1, "b": {"c": 2, "d": 3}}\n');
    await writeOutput(`${output}/out-2`, '\none');
    return done;
  });
  const described: TemplateTest = {
    name: 'n',
    files: { 'in.txt': ['a', 'b'], 'udf.js': 'x' },
    parameters: { input: '{{temp}}/in.txt', output: '{{temp}}/out' },
    expect: {
      state: 'DONE',
      elements: { read: 2, written: 1, filtered: 0, deadLettered: 1 },
      files: { 'out/out-*': ['one', 'two', '', { b: { c: 2 } }] },
    },
  };
  assert.deepEqual((await runTemplateTest({ id: 'T' }, described, runner)).failures, []);
  assert.equal(existsSync(folder), false);
});

test('every difference is told', async () => {
  const { runner } = runnerOf(async ({ output }) => {
    await writeOutput(output, 'one\ntwo\ntwo\n');
    return { ...done, state: 'DRAINED' };
  });
  const described: TemplateTest = {
    name: 'n',
    parameters: { output: '{{temp}}/out' },
    expect: { state: 'DONE', elements: { read: 3 }, files: { out: ['two', { a: 1 }], none: ['x'] } },
  };
  assert.deepEqual((await runTemplateTest({ id: 'T' }, described, runner)).failures, [
    'the job is DRAINED, not DONE',
    'read: 2 elements, not 3',
    'out lacks {"a":1}',
    'out has one, which is not expected',
    'out has two, which is not expected',
    'none lacks x',
  ]);
});

test('subscriptions are made and messages published before the job, and pulled after it', async () => {
  const { runner, calls } = runnerOf(
    async () => done,
    [
      { payload: '{"a":1}', attributes: { k: 'v' } },
      { payload: 'plain', attributes: {} },
    ],
  );
  const described: TemplateTest = {
    name: 'n',
    subscriptions: { 'sub-{{run}}': 'top-{{run}}' },
    publish: { 'top-{{run}}': ['x', { payload: 'y', attributes: { k: 'v' } }] },
    parameters: {},
    drainAfter: 2,
    expect: { messages: { 'sub-{{run}}': ['plain', { payload: { a: 1 }, attributes: { k: 'v' } }] } },
  };
  assert.deepEqual((await runTemplateTest({ id: 'T' }, described, runner)).failures, []);
  const run = /"sub-(\w{8})"/.exec(JSON.stringify(calls))?.[1];
  assert.deepEqual(calls, [
    ['createSubscription', `sub-${run}`, `top-${run}`],
    [
      'publish',
      `top-${run}`,
      [
        { payload: 'x', attributes: {} },
        { payload: 'y', attributes: { k: 'v' } },
      ],
    ],
    ['run', 'T', 2],
    ['pull', `sub-${run}`, 2],
  ]);
});

test('a job that fails, or does not start, tells why', async () => {
  const described: TemplateTest = { name: 'n', parameters: {}, expect: { state: 'DONE' } };
  const failed = runnerOf(async () => ({ ...done, state: 'FAILED', error: 'broken [INTERNAL]' }));
  assert.deepEqual((await runTemplateTest({ id: 'T' }, described, failed.runner)).failures, [
    'broken [INTERNAL]',
  ]);
  const refused = runnerOf(async () => Promise.reject(new Error('no such parameter')));
  assert.deepEqual((await runTemplateTest({ id: 'T' }, described, refused.runner)).failures, [
    'no such parameter',
  ]);
});

test('a file outside of the folder of the test is refused', async () => {
  const { runner } = runnerOf(async () => done);
  for (const files of [{ '../x': 'a' }, { '/tmp/x': 'a' }] as TemplateTest['files'][]) {
    const { failures } = await runTemplateTest(
      { id: 'T' },
      { name: 'n', files, parameters: {}, expect: {} },
      runner,
    );
    assert.match(failures[0] ?? '', /lies outside of the test's folder/);
  }
});

test('the rows of a table are compared in any order', async () => {
  const { runner, calls } = runnerOf(async () => done);
  const tables = (rows: (string | Record<string, unknown>)[]) => ({
    name: 'rows',
    parameters: {},
    expect: { tables: { 'd.t': rows } },
  });
  const right = await runTemplateTest(
    { id: 'T' },
    tables([{ name: 'one' }, '{"id":9007199254740993}']),
    runner,
  );
  assert.deepEqual(right.failures, []);
  const wrong = await runTemplateTest({ id: 'T' }, tables([{ name: 'one' }]), runner);
  assert.deepEqual(wrong.failures, ['d.t has {"id":9007199254740993}, which is not expected']);
  assert.deepEqual(calls.at(-1), ['rows', 'd.t']);
});
