import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReloader } from '../../src/udf/reload.ts';

const script = (source: string) => [{ name: 'r.js', source, module: false }];

/** A reloader with a clock and a file that the test moves. */
function prepare() {
  const state = {
    time: 0,
    file: script('one'),
    fails: '',
    replaced: [] as string[],
    reports: [] as string[],
  };
  const reloader = createReloader({
    everyMs: 1000,
    scripts: state.file,
    read: async () => {
      if (state.fails === 'read') throw new Error('gone');
      return state.file;
    },
    pool: {
      async replace(scripts) {
        if (state.fails === 'replace') throw new Error('does not parse');
        state.replaced.push(scripts[0]?.source ?? '');
      },
    },
    report: (severity, text) => state.reports.push(`${severity} ${text}`),
    now: () => state.time,
  });
  return { state, checkAt };

  async function checkAt(time: number): Promise<void> {
    state.time = time;
    reloader.check();
    await new Promise(resolve => setImmediate(resolve));
  }
}

test('a changed script is used when it is time to look, and not before', async () => {
  const { state, checkAt } = prepare();
  state.file = script('two');
  await checkAt(999);
  assert.deepEqual(state.replaced, []);
  await checkAt(1000);
  assert.deepEqual(state.replaced, ['two']);
  state.file = script('three');
  await checkAt(1999);
  assert.deepEqual(state.replaced, ['two']);
  await checkAt(2000);
  assert.deepEqual(state.replaced, ['two', 'three']);
  assert.deepEqual(state.reports.length, 2);
});

test('a script that has not changed is left alone', async () => {
  const { state, checkAt } = prepare();
  await checkAt(5000);
  assert.deepEqual([state.replaced, state.reports], [[], []]);
});

test('a broken script is reported once, and used when it is mended', async () => {
  const { state, checkAt } = prepare();
  Object.assign(state, { file: script('broken'), fails: 'replace' });
  await checkAt(1000);
  await checkAt(2000);
  assert.deepEqual(state.reports, [
    'WARNING the new version of the UDF cannot be used, so the last one stays: does not parse',
  ]);
  Object.assign(state, { file: script('mended'), fails: '' });
  await checkAt(3000);
  assert.deepEqual(state.replaced, ['mended']);
});

test('a script that is gone for a moment does no harm', async () => {
  const { state, checkAt } = prepare();
  state.fails = 'read';
  await checkAt(1000);
  assert.deepEqual(state.reports, [
    'WARNING the new version of the UDF cannot be used, so the last one stays: gone',
  ]);
  assert.deepEqual(state.replaced, []);
});
