import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ledger } from '../../../src/connectors/pubsub/ledger.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

test('remembers an id once', async t => {
  const ledger = new Ledger(await temporaryFolder(t), 'ids');
  assert.equal(ledger.add('a'), true);
  assert.equal(ledger.add('a'), false);
  ledger.seal();
  assert.equal(ledger.add('a'), false);
  ledger.close(false);
});

test('goes back to what a checkpoint holds', async t => {
  const folder = await temporaryFolder(t);
  const before = new Ledger(folder, 'ids');
  before.add('held');
  before.add('with\nnewline "and quotes"');
  const position = before.seal();
  before.add('sealed later');
  before.seal();
  before.add('never sealed');
  before.close(false);
  const after = new Ledger(folder, 'ids', position);
  assert.equal(after.add('held'), false);
  assert.equal(after.add('with\nnewline "and quotes"'), false);
  assert.equal(after.add('sealed later'), true);
  assert.equal(after.add('never sealed'), true);
  assert.deepEqual(after.seal().bytes > position.bytes, true);
  after.close(false);
});

test('remembers at least the last generation of ids, and bounds its files', async t => {
  const folder = await temporaryFolder(t);
  const ledger = new Ledger(folder, 'ids', undefined, 100);
  for (let i = 0; i < 1000; i++) {
    assert.equal(ledger.add(`m${i}`), true);
    if (i % 10 !== 9) continue;
    ledger.seal();
    ledger.committed();
  }
  for (let i = 900; i < 1000; i++) assert.equal(ledger.add(`m${i}`), false);
  assert.equal(ledger.add('m0'), true);
  assert.ok(readdirSync(folder).length <= 2, readdirSync(folder).join(' '));
  ledger.close(true);
  assert.deepEqual(readdirSync(folder), []);
});

test('keeps the files of an older checkpoint until a newer one is written', async t => {
  const folder = await temporaryFolder(t);
  const ledger = new Ledger(folder, 'ids', undefined, 2);
  for (const id of ['a', 'b']) ledger.add(id);
  ledger.seal();
  for (const id of ['c', 'd']) ledger.add(id);
  const position = ledger.seal();
  ledger.committed();
  for (const id of ['e', 'f']) ledger.add(id);
  ledger.seal();
  ledger.close(false);
  const restored = new Ledger(folder, 'ids', position, 2);
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map(id => restored.add(id)),
    [false, false, false, false, true],
  );
  restored.close(false);
});

test('refuses a checkpoint that counts on more than its files hold', async t => {
  const folder = await temporaryFolder(t);
  const ledger = new Ledger(folder, 'ids');
  ledger.add('a');
  const position = ledger.seal();
  ledger.close(false);
  const [file = ''] = readdirSync(folder);
  writeFileSync(join(folder, file), readFileSync(join(folder, file)).subarray(0, 2));
  assert.throws(() => new Ledger(folder, 'ids', position), {
    code: 'CHECKPOINT_UNUSABLE',
    message: /has 2 bytes/,
  });
  rmSync(join(folder, file));
  assert.throws(() => new Ledger(folder, 'ids', position), { code: 'CHECKPOINT_UNUSABLE' });
});

test('holds exactly the ids before the checkpoint, whatever comes after it', async t => {
  const folder = await temporaryFolder(t);
  let run = 0;
  const ids = fc.array(fc.array(fc.string({ maxLength: 12 }), { maxLength: 8 }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(ids, fc.nat(), (groups, cut) => {
      const name = `run${run++}`;
      const ledger = new Ledger(folder, name, undefined, 1000);
      const kept = cut % groups.length;
      let position = ledger.seal();
      for (const [i, group] of groups.entries()) {
        for (const id of group) ledger.add(id);
        const sealed = ledger.seal();
        if (i === kept) position = sealed;
      }
      ledger.close(false);
      const restored = new Ledger(folder, name, position, 1000);
      const held = new Set(groups.slice(0, kept + 1).flat());
      for (const id of new Set(groups.flat())) assert.equal(restored.add(id), !held.has(id));
      restored.close(true);
    }),
    { numRuns: 50 },
  );
});
