import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { inheritCheckpoint, loadCheckpoint } from '../../src/engine/checkpoint.ts';
import type { Component } from '../../src/engine/component.ts';
import { collector, mapOf, node, sourceOf, start } from '../helpers/pipeline.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const letters = [['a', 'b'], ['c'], ['d', 'e', 'f']];

test('a pipeline that hands over lands what it has read, and another goes on from there', async t => {
  const directory = await temporaryFolder(t);
  const sink = collector();
  const upper = mapOf(each => each.toUpperCase());
  const read = sourceOf(letters, { endless: true });
  const first = await start([node('Read', read), node('Write', sink, ['Read'])], {
    directory,
    streaming: true,
  });
  while (sink.written.length < 6) await wait(1);
  first.handOver();
  assert.equal(await first.ended, 'HANDED_OVER');
  assert.deepEqual(sink.published, letters.flat());
  assert.deepEqual(
    sink.log.filter(each => /advance|close/.test(each)),
    ['close false'],
    'time has not ended, and nothing was removed',
  );
  const after = await temporaryFolder(t);
  const names = { Read: 'Letters', Write: 'Write' };
  assert.equal(await inheritCheckpoint(directory, after, names), true);
  const nodes = [
    node('Letters', sourceOf([...letters, ['g']])),
    node('Map', upper, ['Letters']),
    node('Write', sink, ['Map']),
  ];
  const second = await start(nodes, { directory: after, streaming: true });
  assert.equal(await second.ended, 'DONE');
  assert.deepEqual(sink.published, [...letters.flat(), 'G']);
  assert.equal(second.counters().Letters?.out, 1, 'it counts what it has read itself');
  assert.equal(await inheritCheckpoint(await temporaryFolder(t), after, names), false);
});

test('what was asked of a pipeline while it began, or takes a checkpoint, holds', async t => {
  const directory = await temporaryFolder(t);
  const sink = collector();
  let askInCheckpoint = () => {};
  const asking: Component = {
    ...sink,
    kind: 'sink',
    open: async (config, context) => {
      if (sink.kind !== 'sink') throw new Error();
      const opened = await sink.open(config, context);
      const prepare = () => {
        askInCheckpoint();
        return opened.prepare();
      };
      return { ...opened, prepare };
    },
  };
  const nodes = () => [node('Read', sourceOf(letters, { endless: true })), node('Write', asking, ['Read'])];
  const first = await start(nodes(), { directory, streaming: true });
  first.handOver();
  assert.equal(await first.ended, 'HANDED_OVER');
  const second = await start(nodes(), { directory, streaming: true });
  askInCheckpoint = () => second.handOver();
  assert.equal(await second.ended, 'HANDED_OVER');
  assert.deepEqual(sink.published, sink.written);
});

test('a pipeline whose sources have ended has nothing to hand over: it is done', async t => {
  const directory = await temporaryFolder(t);
  const running = await start([node('Read', sourceOf(letters)), node('Write', collector(), ['Read'])], {
    directory,
    streaming: true,
  });
  const done = (async () => {
    while (!(await loadCheckpoint(directory))?.ended) await wait(1);
  })();
  await done;
  running.handOver();
  assert.equal(await running.ended, 'DONE');
});
