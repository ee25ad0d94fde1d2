import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { jobDirectory } from '../../src/config.ts';
import { noteTaken } from '../../src/dlq/ledger.ts';
import { lettersFile } from '../../src/dlq/replay-source.ts';
import { saveCheckpoint } from '../../src/engine/checkpoint.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const line = (id: string) =>
  `${JSON.stringify({ id, attempts: 2, job: 'J', transform: 't', code: 'C', message: '', time: '', payload: '' })}\n`;

test('what a replay has read counts as taken once its last checkpoint says that it has ended', async t => {
  const config = { home: await temporaryFolder(t) };
  const path = lettersFile(config, 'R', 'In/Read');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${line('a')}${line('b')}${line('c')}`);
  const worker = join(jobDirectory(config, 'R'), 'workers', '0');
  const taken = new Set<string>();

  assert.equal(await noteTaken(config, 'R', taken), 'fresh');
  const offset = line('a').length + line('b').length;
  await saveCheckpoint(worker, { stages: { 'In/Read': { offset } }, counters: {} });
  assert.equal(await noteTaken(config, 'R', taken), 'begun');
  assert.deepEqual([...taken], []);
  // It was drained after two of three.
  await saveCheckpoint(worker, { stages: { 'In/Read': { offset } }, counters: {}, ended: 'DRAINED' });
  assert.equal(await noteTaken(config, 'R', taken), 'ended');
  assert.deepEqual([...taken], ['2:a', '2:b']);
});
