import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SluiceError } from '../../src/errors.ts';
import { runTask, type TaskOptions } from '../../src/tasks/run.ts';
import { descendantsOf, isRunning } from '../helpers/processes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const never = new AbortController().signal;

async function bench(t: TestContext, lines = 'one\ntwo\n') {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  await writeFile(join(folder, 'in.txt'), lines);
  const preview = (udf: string, options: Partial<TaskOptions> = {}, elements = 5) =>
    runTask(
      { home },
      'preview',
      {
        templateId: 'Yaml_Template',
        parameters: {
          yaml_pipeline: JSON.stringify({
            pipeline: {
              type: 'chain',
              transforms: [
                { type: 'ReadFromText', config: { path: join(folder, 'in.txt') } },
                { type: 'JavaScriptUdf', config: { source: udf, timeout_ms: 600_000 } },
                { type: 'WriteToText', config: { path: join(folder, 'out/line') } },
              ],
            },
          }),
        },
        elements,
      },
      { signal: never, ...options },
    );
  return { folder, home, preview };
}

const KEEP = 'function process(x) { return x.toUpperCase(); }';
const LOOP = 'function process(x) { for (;;) {} }';

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !condition(); ) {
    assert.ok(Date.now() < deadline, 'it did not come to pass within 20 s');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

test('a task answers from a process of its own, writes nothing and leaves nothing behind', async t => {
  const { folder, preview } = await bench(t);
  const before = (await readdir(tmpdir())).filter(name => name.startsWith('sluice-task-'));
  const { elements, warnings } = await preview(KEEP);
  assert.deepEqual(
    elements.map(({ input, outputs }) => [input, outputs[0]?.payload]),
    [
      ['one', 'ONE'],
      ['two', 'TWO'],
    ],
  );
  assert.deepEqual(warnings, []);
  assert.deepEqual(await readdir(folder), ['in.txt']);
  const after = (await readdir(tmpdir())).filter(name => name.startsWith('sluice-task-'));
  assert.deepEqual(
    after.filter(name => !before.includes(name)),
    [],
  );
});

test('the error of a task is that of the request, with its violations', async t => {
  const home = await temporaryFolder(t);
  const request = { templateId: 'GCS_Text_to_GCS_Text', parameters: { nothing: 'x' }, elements: 1 };
  await assert.rejects(runTask({ home }, 'preview', request, { signal: never }), (error: SluiceError) => {
    assert.equal(error.code, 'PARAMETERS_INVALID');
    const subjects = error.violations.map(({ subject }) => subject);
    assert.deepEqual(subjects, ['nothing', 'inputFilePattern', 'outputDirectory']);
    return true;
  });
});

test('a task that takes too long ends with everything it has started', async t => {
  const { preview } = await bench(t);
  const before = descendantsOf(process.pid);
  const late = preview(LOOP, { timeoutMs: 4000 });
  let started: number[] = [];
  await until(() => {
    started = descendantsOf(process.pid).filter(pid => !before.includes(pid));
    return started.length >= 2;
  });
  await assert.rejects(late, { code: 'TASK_TIMEOUT', message: 'the task took longer than 4 s' });
  await until(() => !started.some(isRunning));
});

test('a task ends with its client', async t => {
  const { preview } = await bench(t);
  const before = descendantsOf(process.pid);
  const client = new AbortController();
  const left = preview(LOOP, { signal: client.signal });
  left.catch(() => {});
  let started: number[] = [];
  await until(() => {
    started = descendantsOf(process.pid).filter(pid => !before.includes(pid));
    return started.length >= 2;
  });
  client.abort();
  await assert.rejects(left, { message: /nobody waits/ });
  await until(() => !started.some(isRunning));
});

test('a task may need so much memory, and its answer so much room', async t => {
  const { preview } = await bench(t, 'x'.repeat(1000));
  const grow = 'function process(x) { return x.repeat(9000); }';
  await assert.rejects(preview(grow, { maxAnswerBytes: 1 << 20 }), {
    code: 'TASK_TOO_LARGE',
    message: 'the answer of the task would have more than 1048576 bytes',
  });
  await assert.rejects(preview(KEEP, { memoryMb: 50 }), {
    code: 'TASK_TOO_LARGE',
    message: 'the task needed more than 50 MB of memory',
  });
});
