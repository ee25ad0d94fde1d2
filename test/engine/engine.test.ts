import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { selectElements } from '../../src/engine/batch.ts';
import { loadCheckpoint } from '../../src/engine/checkpoint.ts';
import type { Component, SinkComponent, SourceComponent } from '../../src/engine/component.ts';
import { SluiceError } from '../../src/errors.ts';
import { collector, mapOf, node, sourceOf, start } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const letters = [['a', 'b'], ['c'], ['d', 'e', 'f']];

test('every element reaches the sink in order, and the job is done', async t => {
  const sink = collector();
  const directory = await temporaryFolder(t);
  const running = await start([node('Read', sourceOf(letters)), node('Write', sink, ['Read'])], {
    directory,
  });
  assert.equal(await running.ended, 'DONE');
  assert.deepEqual(sink.published, ['a', 'b', 'c', 'd', 'e', 'f']);
  assert.deepEqual(sink.log, ['commit 0', 'advance Infinity', 'prepare 6', 'commit 6', 'close true']);
});

test('batches processed side by side leave in the order in which they came', async t => {
  const batches = Array.from({ length: 50 }, (_, i) => [`${i}`]);
  const sink = collector();
  const map = mapOf(each => each, { concurrency: 4, delay: () => wait(Math.random() * 5) });
  const nodes = [node('Read', sourceOf(batches)), node('Map', map, ['Read']), node('Write', sink, ['Map'])];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  await running.ended;
  assert.deepEqual(sink.published, batches.flat());
});

test('what is filtered is counted, what fails goes to the error output, and the counters say why', async t => {
  const sink = collector();
  const errors = collector();
  const map = mapOf(each => (each === 'b' ? null : each === 'd' ? new Error('no d') : each.toUpperCase()));
  const nodes = [
    node('Read', sourceOf(letters)),
    node('Map', map, ['Read'], { errorHandling: { output: 'errors' } }),
    node('Write', sink, ['Map']),
    node('Errors', errors, ['Map.errors'], { deadLetter: true }),
  ];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  assert.equal(await running.ended, 'DONE');
  assert.deepEqual(sink.published, ['A', 'C', 'E', 'F']);
  assert.deepEqual(errors.published, ['d']);
  const { Map: counters } = running.counters();
  assert.partialDeepStrictEqual(counters, {
    in: 6,
    out: 4,
    filtered: 1,
    failed: 1,
    errors: { TEST_FAILED: 1 },
  });
});

test('without an error output the first failed element fails the job by name', async t => {
  const map = mapOf(each => (each === 'c' ? new Error('no c') : each));
  const nodes = [
    node('Read', sourceOf(letters)),
    node('Map', map, ['Read']),
    node('Write', collector(), ['Map']),
  ];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  await assert.rejects(running.ended, (error: SluiceError) => {
    assert.equal(error.code, 'ELEMENT_FAILED');
    assert.equal(error.message, 'Map: the element failed: no c [TEST_FAILED]');
    return true;
  });
});

test('more failures than the threshold allows fail the job', async t => {
  const map = mapOf(each => (each < 'c' ? new Error('too small') : each));
  const nodes = [
    node('Read', sourceOf(letters)),
    node('Map', map, ['Read'], { errorHandling: { output: 'errors', threshold: 0.2 } }),
    node('Write', collector(), ['Map']),
    node('Errors', collector(), ['Map.errors'], { deadLetter: true }),
  ];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  await assert.rejects(running.ended, /Map: 2 of 6 elements failed, more than the threshold of 0.2/);
});

test('a stream that two stages read reaches both, and the books still balance', async t => {
  const [one, two] = [collector(), collector()];
  const nodes = [node('Read', sourceOf(letters)), node('One', one, ['Read']), node('Two', two, ['Read'])];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  assert.equal(await running.ended, 'DONE');
  assert.deepEqual(one.published, two.published);
});

test('a stage with two inputs ends when both have ended', async t => {
  const sink = collector();
  const nodes = [
    node('A', sourceOf([['a']])),
    node('B', sourceOf([['b'], ['c']])),
    node('Write', sink, ['A', 'B']),
  ];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  assert.equal(await running.ended, 'DONE');
  assert.deepEqual(sink.published.sort(), ['a', 'b', 'c']);
  assert.equal(sink.log.filter(each => each === 'advance Infinity').length, 1);
});

test('a transform that loses an element fails the job: its books do not balance', async t => {
  const loser = mapOf(each => each);
  const leaky = { ...loser, open: async () => ({ process: () => ({ good: [] }) }) } as typeof loser;
  const nodes = [
    node('Read', sourceOf(letters)),
    node('Leaky', leaky, ['Read']),
    node('Write', collector(), ['Leaky']),
  ];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  await assert.rejects(running.ended, (error: SluiceError) => {
    assert.equal(error.code, 'BOOKS_UNBALANCED');
    assert.match(error.message, /Leaky took 6 elements and accounts for 0; read 6, but written 0/);
    return true;
  });
});

test('drain writes all that was read and ends DRAINED', async t => {
  const sink = collector();
  const nodes = [node('Read', sourceOf(letters, { endless: true })), node('Write', sink, ['Read'])];
  const running = await start(nodes, { directory: await temporaryFolder(t), streaming: true });
  while (sink.written.length < 6) await wait(1);
  running.drain();
  assert.equal(await running.ended, 'DRAINED');
  assert.deepEqual(sink.published, letters.flat());
});

test('cancel ends at once, also while a sink is stuck, and publishes nothing more', async t => {
  const sink = collector();
  const stuck: Component = {
    ...(sink as SinkComponent),
    open: async () => ({
      write: () => new Promise(() => {}),
      prepare: async () => null,
      commit: async () => {},
      close: async () => {},
    }),
  };
  const nodes = [node('Read', sourceOf(letters, { endless: true })), node('Write', stuck, ['Read'])];
  const running = await start(nodes, { directory: await temporaryFolder(t), streaming: true });
  running.cancel();
  assert.equal(await running.ended, 'CANCELLED');
  assert.deepEqual(sink.published, []);
});

test('a failed job goes on from its checkpoint, with its counters', async t => {
  const directory = await temporaryFolder(t);
  const sink = collector();
  const batches = [['a'], ['b'], ['c']];
  const first = await start(
    [node('Read', sourceOf(batches, { endless: true })), node('Write', sink, ['Read'])],
    { directory, streaming: true },
  );
  while ((await loadCheckpoint(directory))?.stages.Read !== 3) await wait(5);
  first.cancel();
  await first.ended;
  const again = [...batches, ['d'], ['e']];
  const second = await start([node('Read', sourceOf(again)), node('Write', sink, ['Read'])], { directory });
  assert.equal(await second.ended, 'DONE');
  assert.deepEqual(sink.published, ['a', 'b', 'c', 'd', 'e']);
  assert.equal(second.counters().Read?.out, 5);
});

test('a job that had come to its end is only published again, whatever became of its source', async t => {
  const directory = await temporaryFolder(t);
  const sink = collector();
  const nodes = (source: Component) => [node('Read', source), node('Write', sink, ['Read'])];
  await (await start(nodes(sourceOf(letters)), { directory })).ended;
  const gone: SourceComponent = {
    ...(sourceOf([]) as SourceComponent),
    open: () => Promise.reject(new SluiceError('INPUT_NOT_FOUND', 'gone')),
  };
  const again = await start(nodes(gone), { directory });
  assert.equal(await again.ended, 'DONE');
  assert.equal(sink.written.length, 6);
  assert.equal(again.counters().Write?.out, 6);
});

test('a stage that is refused closes those already open, and nothing is read', async t => {
  const sink = collector();
  const refused = {
    ...mapOf(each => each),
    open: async () => Promise.reject(new SluiceError('UDF_SYNTAX', 'line 3')),
  };
  const nodes = [
    node('Read', sourceOf(letters)),
    node('Map', refused, ['Read']),
    node('Write', sink, ['Map']),
  ];
  await assert.rejects(start(nodes, { directory: await temporaryFolder(t) }), /line 3/);
  assert.deepEqual(sink.log, ['close true']);
});

test('a slow sink holds its source back', async t => {
  let read = 0;
  let written = 0;
  const source = sourceOf(Array.from({ length: 100 }, (_, i) => [`${i}`]));
  const counted = {
    ...mapOf(each => {
      read++;
      return each;
    }),
  };
  const sink = collector();
  const slow: Component = {
    ...(sink as SinkComponent),
    open: async () => ({
      async write() {
        await wait(1);
        written++;
        assert.ok(read - written <= 5, `${read} read, ${written} written`);
        return undefined;
      },
      prepare: async () => null,
      commit: async () => {},
      close: async () => {},
    }),
  };
  const nodes = [node('Read', source), node('Map', counted, ['Read']), node('Write', slow, ['Map'])];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  assert.equal(await running.ended, 'DONE');
  assert.equal(written, 100);
});

test('a sink may have several batches under way; what they failed leaves in order, and a checkpoint waits for all', async t => {
  const errors = collector();
  let underWay = 0;
  let most = 0;
  const sink: SinkComponent = {
    ...collector(),
    kind: 'sink',
    open: async (_config, { stage }) => ({
      concurrency: 4,
      async write(batch) {
        most = Math.max(most, ++underWay);
        await wait(Math.random() * 5);
        underWay--;
        return {
          failed: selectElements(batch, [0], [{ code: 'TEST_FAILED', message: 'no', transform: stage }]),
        };
      },
      prepare: async () => {
        assert.equal(underWay, 0);
        return null;
      },
      commit: async () => {},
      close: async () => {},
    }),
  };
  const batches = Array.from({ length: 50 }, (_, i) => [`${i}`, 'good']);
  const nodes = [
    node('Read', sourceOf(batches)),
    node('Write', sink, ['Read'], { errorHandling: { output: 'errors' } }),
    node('Errors', errors, ['Write.errors'], { deadLetter: true }),
  ];
  const running = await start(nodes, { directory: await temporaryFolder(t) });
  assert.equal(await running.ended, 'DONE');
  assert.ok(most > 1, `${most} at once`);
  assert.deepEqual(
    errors.published,
    batches.map(([first]) => first),
  );
  assert.partialDeepStrictEqual(running.counters().Write, { in: 100, out: 50, failed: 50 });
});
