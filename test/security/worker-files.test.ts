/** Workers that mean harm with what they write into their folder: the server reads it, and is no worse for it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Bench, eventually, openBench, workerPid } from '../jobs/service-jobs.ts';

const CONTENT = 'nobody may see or change this\n';

/** What it does, and what the job then fails with. */
const FAULTS: Record<string, RegExp> = {
  'events are a pipe': /workers\/0\/events\.ndjson is not a regular file/,
  'events are a link': /events\.ndjson is not a regular file/,
  'events are a folder': /events\.ndjson is not a regular file/,
  'older events are a pipe': /events\.1\.ndjson is not a regular file/,
  // It is found when it is opened, or while it is read.
  'events are huge': /event(?:s\.ndjson has|s of a worker have) more than 8388608 bytes/,
  'events are one endless line': /more than 8388608 bytes/,
  'an event is nested without end': /an event is no object/,
  'an event is a list': /an event is no object/,
  'an event has no severity': /the severity of a message is not one of DEBUG, INFO, WARNING, ERROR/,
  'the text of an event is an object': /a message is no text/,
  'an end of no kind': /the end of a worker is not one of/,
  'outputs without end': /the outputs are no list, or too many/,
  'outputs that are numbers': /an output is no text/,
  'a code that every object has': /the code of a failure is none/,
  'an end with counters as text': /a counter is no count/,
  'progress is a pipe': /progress\.json is not a regular file/,
  'progress is a link': /progress\.json is not a regular file/,
  'progress is a folder': /progress\.json is not a regular file/,
  'progress is huge': /progress\.json has more than 1048576 bytes/,
  'progress is a number': /the progress is no object/,
  'counters as text': /a counter is no count/,
  'counters beyond all numbers': /a counter is no count/,
  'counters below zero': /a counter is no count/,
  'counters that are missing': /a counter is no count/,
  'counters of the mother of objects': /a name that none may have/,
  'error codes as numbers': /a counter is no count/,
  'thousands of stages': /the counters are more than 2000/,
  'thousands of error codes': /counters by name are more than 500/,
  'a watermark beyond time': /the watermark is no time/,
  'the checkpoint is a pipe': /checkpoint\.json is not a regular file/,
  'the checkpoint is a link': /checkpoint\.json is not a regular file/,
  'the words of stderr lead elsewhere': /its folder cannot be used: Error: ELOOP/,
  'the words of stderr are a pipe': /its folder cannot be used: Error: ENXIO/,
  'the turn leads elsewhere': /its folder cannot be used: Error: ELOOP/,
  'the turn is a folder': /its folder cannot be used: Error: EISDIR/,
};

async function hostileBench(t: TestContext): Promise<Bench & { victim: string }> {
  const bench = await openBench(t, { maxJobs: 8 });
  const victim = join(bench.folder, 'victim');
  await writeFile(victim, CONTENT);
  process.env.NODE_OPTIONS = `--require=${join(import.meta.dirname, 'hostile-worker.cjs')}`;
  process.env.SLUICE_VICTIM = victim;
  t.after(() => {
    for (const name of ['NODE_OPTIONS', 'SLUICE_VICTIM', 'SLUICE_OTHER']) delete process.env[name];
  });
  return Object.assign(bench, { victim });
}

async function launch(bench: Bench, deed: string): Promise<string> {
  const create = { type: 'Create', config: { elements: [deed] } };
  const { id } = await bench.launchPipeline([create, { type: 'LogForTesting' }]);
  return id;
}

test('what a worker puts in the place of its files, or tells that none tells, fails its job and nothing else', async t => {
  const bench = await hostileBench(t);
  const jobs: string[] = [];
  for (const deed of Object.keys(FAULTS)) jobs.push(await launch(bench, deed));
  for (const [i, [deed, message]] of Object.entries(FAULTS).entries()) {
    const id = jobs[i] ?? '';
    const { result, restarts } = await bench.until(id, 'FAILED', 'DONE', 'CANCELLED');
    assert.equal(result?.error?.code, 'WORKER_FAULTY', deed);
    assert.match(result.error.message, message, deed);
    assert.doesNotMatch(JSON.stringify([result, bench.messages(id)]), /nobody may see/, deed);
    assert.equal(restarts, Number(/^the (words|turn)/.test(deed)), deed);
    await eventually(
      () => workerPid(bench.config, id) === undefined,
      () => `${deed}: the worker lives`,
    );
  }
  assert.equal(readFileSync(bench.victim, 'utf8'), CONTENT);
  assert.equal(Object.hasOwn(Object.prototype, 'out'), false);
  // The next server looks at none of it again.
  await bench.reopen();
  const id = await launch(bench, 'none');
  assert.equal((await bench.until(id, 'DONE', 'FAILED')).state, 'DONE');
});

test('a worker speaks for its own job only, and what it says is text', async t => {
  const bench = await hostileBench(t);
  process.env.SLUICE_OTHER = await launch(bench, 'a flood of messages');
  await bench.until(process.env.SLUICE_OTHER, 'DONE', 'FAILED');
  const id = await launch(bench, 'words for others');
  const before = Date.now();
  await bench.until(id, 'DONE', 'FAILED');
  assert.ok(!bench.messages(process.env.SLUICE_OTHER).includes('forged'));
  const { items } = bench.store.messages.list(id, {}, 100);
  const texts = items.map(({ text }) => text);
  assert.ok(!texts.includes('forged'));
  assert.ok(texts.includes('red \ufffd[31m\ufffd \ufffd\ufffd31m end'));
  assert.ok(items.some(({ stage }) => stage === 'a\ufffdb'));
  for (const { time, text } of items) assert.ok(time >= before - 60_000 && time <= Date.now(), text);
});

test('of a flood of messages the first are kept, and the rest is counted', async t => {
  const bench = await hostileBench(t);
  const id = await launch(bench, 'a flood of messages');
  assert.equal((await bench.until(id, 'DONE', 'FAILED')).state, 'DONE');
  const newest = bench.store.messages.list(id, {}, 20_000).items;
  assert.equal(newest.length, 10_000);
  assert.ok(!newest.some(({ text }) => text === '13999'));
});

test('counters may be called like anything that objects have', async t => {
  const bench = await hostileBench(t);
  const id = await launch(bench, 'counters with names of objects');
  assert.equal((await bench.until(id, 'DONE', 'FAILED')).state, 'DONE');
  const counters = Object.entries(bench.store.progress.get(id)?.counters ?? {});
  assert.deepEqual(
    counters.map(([name, { out, errors }]) => [name, out, { ...errors }]),
    [['constructor', 2, { toString: 3 }]],
  );
  assert.equal(Object.hasOwn(Object, 'out'), false);
});
