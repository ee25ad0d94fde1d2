import assert from 'node:assert/strict';
import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashOf } from '../../../src/transforms/grouping/runs.ts';
import { GroupState, type StoredState } from '../../../src/transforms/grouping/state.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { randomOf } from './random.ts';

/** Lists, whose order tells in which order they were merged. */
type Value = number[];

const merge = (older: Value, newer: Value): Value => {
  older.push(...newer);
  return older;
};

function open(folder: string, restored?: StoredState, maxBytes = 4000): GroupState<Value> {
  return new GroupState<Value>({ folder, merge, maxBytes, maxRuns: 4 }, restored);
}

function add(state: GroupState<Value>, bucket: string, key: string, value: number): void {
  const known = state.get(bucket, key) ?? [];
  known.push(value);
  state.put(bucket, key, known, 8);
}

function sweepAll(
  state: GroupState<Value>,
  bucket: string,
  keeps = (_key: string) => false,
): Map<string, Value> {
  const found = new Map<string, Value>();
  const sweep = state.sweep(bucket);
  for (const [key, value] of sweep.entries()) {
    assert.ok(!found.has(key), `${key} came twice`);
    found.set(key, [...value]);
    if (keeps(key)) sweep.keep(key, value);
  }
  sweep.finish();
  return found;
}

/** As it comes back from a checkpoint. */
const written = (state: StoredState): StoredState => JSON.parse(JSON.stringify(state));

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: whatever is spilled, compacted and restored, a sweep gives each key once with all its values in order`, async t => {
    const folder = await temporaryFolder(t);
    const random = randomOf(seed);
    let state = open(folder);
    let model = new Map<string, Map<string, Value>>();
    let saved: { state: StoredState; model: typeof model } | undefined;
    for (let step = 0; step < 6000; step++) {
      const bucket = `b${Math.floor(random() * 4)}`;
      const key = `key ${Math.floor(random() ** 2 * 300)}`;
      add(state, bucket, key, step);
      const cells = model.get(bucket) ?? new Map<string, Value>();
      model.set(bucket, cells.set(key, [...(cells.get(key) ?? []), step]));
      const chance = random();
      if (chance < 0.004) {
        saved = { state: written(await state.snapshot()), model: structuredClone(model) };
        await state.commit();
        const names = saved.state.runs.map(({ id }) => `${id}.run`);
        assert.deepEqual(readdirSync(folder).sort(), names.sort());
        assert.ok(names.length < 12, `${names.length} runs`);
      } else if (chance < 0.006 && saved) {
        await state.close();
        writeFileSync(join(folder, '999999.run'), 'what a killed worker left');
        state = open(folder, saved.state);
        model = structuredClone(saved.model);
      } else if (chance < 0.008) {
        const keeps = (each: string) => each.endsWith('7');
        assert.deepEqual(sorted(sweepAll(state, bucket, keeps)), sorted(model.get(bucket)));
        model.set(bucket, new Map([...(model.get(bucket) ?? [])].filter(([each]) => keeps(each))));
      } else if (chance < 0.0085) {
        state.drop(bucket);
        model.delete(bucket);
      }
    }
    assert.ok(saved);
    for (const bucket of ['b0', 'b1', 'b2', 'b3'])
      assert.deepEqual(sorted(sweepAll(state, bucket)), sorted(model.get(bucket)));
    assert.deepEqual([...state.buckets()], []);
    await state.close(true);
  });
}

test('a checkpoint without news names the same files', async t => {
  const state = open(await temporaryFolder(t));
  add(state, 'b', 'k', 1);
  const first = written(await state.snapshot());
  assert.deepEqual(await state.snapshot(), first);
  assert.equal(first.runs.length, 1);
});

test('keys whose hashes are equal stay apart', async t => {
  const [one, other] = collision();
  assert.equal(hashOf(one), hashOf(other));
  const state = open(await temporaryFolder(t));
  for (const key of [one, other, one]) {
    add(state, 'b', key, key.length);
    await state.snapshot();
  }
  assert.deepEqual(
    sorted(sweepAll(state, 'b')),
    sorted(
      new Map([
        [one, [one.length, one.length]],
        [other, [other.length]],
      ]),
    ),
  );
});

test('integers beyond 2^53 and texts of any kind come back from a file as they were', async t => {
  const folder = await temporaryFolder(t);
  const values: unknown[] = [9007199254740993n, 'ünï\u2028\ud800"\n', null, [true, { a: -1.5 }]];
  const state = new GroupState<unknown[]>({ folder, merge: (older, newer) => [...older, ...newer] });
  state.put('b', '"k\n"', values, 0);
  const restored = new GroupState<unknown[]>(
    { folder, merge: (older, newer) => [...older, ...newer] },
    written(await state.snapshot()),
  );
  assert.deepEqual([...restored.sweep('b').entries()], [['"k\n"', values]]);
});

test('a run that is gone, or has lost bytes, is told', async t => {
  const folder = await temporaryFolder(t);
  const state = open(folder);
  add(state, 'b', 'k', 1);
  const saved = written(await state.snapshot());
  const path = join(folder, '0.run');
  truncateSync(path, 5);
  const message = `${path} has lost bytes that the checkpoint knows of`;
  assert.throws(() => open(folder, saved), { code: 'CHECKPOINT_UNUSABLE', message });
  rmSync(path);
  assert.throws(() => open(folder, saved), {
    code: 'CHECKPOINT_UNUSABLE',
    message: `${path} is gone, and the checkpoint counts on it`,
  });
});

const sorted = (cells: ReadonlyMap<string, Value> = new Map()): [string, Value][] =>
  [...cells].sort(([a], [b]) => (a < b ? -1 : 1));

/** Two keys of one hash: among 200,000 there are some. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; i < 1_000_000; i++) {
    const key = `k${i.toString(36)}`;
    const other = seen.get(hashOf(key));
    if (other !== undefined) return [other, key];
    seen.set(hashOf(key), key);
  }
  throw new Error('no two keys have one hash');
}
