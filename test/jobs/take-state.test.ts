import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import { letterPlaces } from '../../src/dlq/places.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/engine/checkpoint.ts';
import { keptLettersFile } from '../../src/engine/dead-letter.ts';
import { isWaiting, takeState } from '../../src/jobs/handover.ts';
import { jobFile, saveJob } from '../../src/jobs/job.ts';
import type { JobRecord } from '../../src/store/record.ts';
import type { JobHome } from '../../src/store/store.ts';
import { graphOf } from '../../src/worker/graph.ts';
import type { Job } from '../../src/worker/job-file.ts';
import { workerDirectory } from '../../src/worker/places.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const WORKERS = 2;
const record = { id: 'new', replaces: 'old', transformNameMapping: { Read: 'In' } } as unknown as JobRecord;

function jobOf(id: string, source: string): Job {
  const pipeline = {
    transforms: [
      { type: 'ReadFromPubSub', name: source, config: { topic: 't' } },
      { type: 'ParseJson', input: source, config: { error_handling: { output: 'errors' } } },
      { type: 'WriteToJson', input: 'ParseJson', config: { path: '/out/rows' } },
      {
        type: 'EncodeDeadLetters',
        name: 'Letters',
        input: 'ParseJson.errors',
        config: { format: 'bigquery' },
      },
      { type: 'WriteToBigQuery', input: 'Letters', config: { table: 'd.errors' } },
    ],
  };
  const deadLetters = letterPlaces(graphOf({ id, pipeline }), id);
  return { id, createTime: '', streaming: true, workers: WORKERS, pipeline, deadLetters };
}

const directoriesOf = (config: Config, id: string) =>
  Array.from({ length: WORKERS }, (_, i) => workerDirectory(jobFile(config, id), i));

/** A home whose store knows of the job that is replaced. */
const withOld = (config: Config, state?: JobRecord['state']): JobHome => {
  const get = (id: string) => (id === 'old' && state ? ({ state } as JobRecord) : undefined);
  return { config, store: { jobs: { get } } } as unknown as JobHome;
};

/** A job that has handed over, and its successor. */
async function handedOver(t: TestContext): Promise<JobHome> {
  const config = { home: await temporaryFolder(t) };
  await saveJob(config, jobOf('old', 'Read'));
  await saveJob(config, jobOf('new', 'In'));
  for (const directory of directoriesOf(config, 'old')) {
    await mkdir(join(directory, 'stages/Read'), { recursive: true });
    await writeFile(join(directory, 'stages/Read/worker.ids'), 'ids');
    await mkdir(join(directory, 'stages/table'));
    await mkdir(dirname(keptLettersFile(directory, 'Letters')));
    await writeFile(keptLettersFile(directory, 'Letters'), '{}\n');
    await writeFile(join(directory, 'events.ndjson'), '{}\n');
    const stages = { Read: { bytes: 3 }, WriteToJson: { open: [] }, Letters: { length: 3 }, ParseJson: null };
    await saveCheckpoint(directory, { stages, counters: {} });
  }
  return withOld(config, 'UPDATED');
}

async function assertTaken(config: Config): Promise<void> {
  for (const directory of directoriesOf(config, 'new')) {
    const checkpoint = await loadCheckpoint(directory);
    assert.deepEqual(checkpoint?.stages, { In: { bytes: 3 }, WriteToJson: { open: [] } });
    assert.deepEqual(checkpoint?.counters, {});
    assert.deepEqual((await readdir(join(directory, 'stages'))).sort(), ['Read', 'table']);
    assert.equal(readFileSync(join(directory, 'stages/Read/worker.ids'), 'utf8'), 'ids');
    assert.ok(!existsSync(join(directory, 'events.ndjson')));
  }
  for (const directory of directoriesOf(config, 'old')) {
    assert.deepEqual(await readdir(join(directory, 'stages')), ['Letters']);
    assert.deepEqual((await loadCheckpoint(directory))?.stages.Letters, { length: 3 });
    assert.ok(existsSync(join(directory, 'events.ndjson')));
  }
}

test('the successor has the state, under its names; what was told and the letters kept stay with the job', async t => {
  const home = await handedOver(t);
  const { config } = home;
  await takeState(home, record);
  await assertTaken(config);
});

const interruptions: [what: string, step: (before: string, after: string) => Promise<void>][] = [
  [
    'before the first folder',
    async (_, after) => void (await mkdir(join(after, 'stages'), { recursive: true })),
  ],
  [
    'between two folders',
    async (before, after) => {
      await mkdir(join(after, 'stages'), { recursive: true });
      await rename(join(before, 'stages/table'), join(after, 'stages/table'));
    },
  ],
  [
    'before the checkpoint',
    async (before, after) => {
      await mkdir(join(after, 'stages'), { recursive: true });
      for (const name of ['table', 'Read'])
        await rename(join(before, 'stages', name), join(after, 'stages', name));
    },
  ],
];
for (const [what, step] of interruptions) {
  test(`interrupted ${what}, it goes on`, async t => {
    const home = await handedOver(t);
    const { config } = home;
    const [before = ''] = directoriesOf(config, 'old');
    const [after = ''] = directoriesOf(config, 'new');
    await step(before, after);
    await takeState(home, record);
    await assertTaken(config);
  });
}

test('interrupted between two workers, it goes on; what the first has done since stays', async t => {
  const home = await handedOver(t);
  const { config } = home;
  await takeState(home, record);
  const [first = '', second = ''] = directoriesOf(config, 'new');
  const [, before = ''] = directoriesOf(config, 'old');
  await rm(join(second, 'checkpoint.json'));
  for (const name of ['Read', 'table'])
    await rename(join(second, 'stages', name), join(before, 'stages', name));
  await saveCheckpoint(first, { stages: { In: { bytes: 9 } }, counters: {} });
  await takeState(home, record);
  assert.deepEqual((await loadCheckpoint(first))?.stages, { In: { bytes: 9 } });
  assert.deepEqual((await loadCheckpoint(second))?.stages.In, { bytes: 3 });
});

test('what was taken over is not looked for again, though the job before is gone', async t => {
  const home = await handedOver(t);
  const { config } = home;
  await takeState(home, record);
  await rm(dirname(jobFile(config, 'old')), { recursive: true });
  await takeState(home, record);
});

test('a job waits while the one it replaces goes on, and fails when that ends otherwise', async t => {
  const home = await handedOver(t);
  const isReady = (state?: JobRecord['state'], more: Partial<JobRecord> = {}) =>
    !isWaiting(withOld(home.config, state).store, { ...record, ...more });
  assert.equal(isReady('RUNNING'), false);
  assert.equal(isReady('CANCELLING'), false);
  assert.equal(isReady('UPDATED'), true);
  assert.equal(isReady('FAILED'), true);
  assert.equal(isReady('RUNNING', { startTime: 'once' }), true, 'it took over long ago');
  await assert.rejects(takeState(withOld(home.config, 'FAILED'), record), {
    code: 'UPDATE_REFUSED',
    message: 'job old, which this one was to take over from, ended before it could hand over: it is FAILED',
  });
  await assert.rejects(takeState(withOld(home.config), record), { code: 'UPDATE_REFUSED' });
});

test('what a job that means harm has left in the place of its state is not taken over', async t => {
  const outside = await temporaryFolder(t);
  await mkdir(join(outside, 'kept'));
  const stagesOf = (directory: string) => join(directory, 'stages');
  const deeds: Record<string, (directory: string) => Promise<void>> = {
    'a link to another folder': async directory => {
      await rm(stagesOf(directory), { recursive: true });
      await symlink(outside, stagesOf(directory));
    },
    'a file': async directory => {
      await rm(stagesOf(directory), { recursive: true });
      await writeFile(stagesOf(directory), '');
    },
    'a checkpoint that is a pipe': async directory => {
      await rm(join(directory, 'checkpoint.json'));
      execFileSync('mkfifo', [join(directory, 'checkpoint.json')]);
    },
    'a checkpoint without an end': directory => truncate(join(directory, 'checkpoint.json'), 2 ** 40),
    'a checkpoint that is none': directory => writeFile(join(directory, 'checkpoint.json'), '[1'),
    'a checkpoint of text': directory =>
      writeFile(join(directory, 'checkpoint.json'), '{"version":1,"stages":"all","counters":{}}'),
  };
  for (const [name, deed] of Object.entries(deeds)) {
    const home = await handedOver(t);
    await deed(directoriesOf(home.config, 'old')[0] ?? '');
    await assert.rejects(takeState(home, record), { code: /^(WORKER_FAULTY|CHECKPOINT_UNUSABLE)$/ }, name);
    assert.deepEqual(await readdir(outside), ['kept'], name);
  }
});

test('a successor that means harm is given no state through links of its own', async t => {
  const home = await handedOver(t);
  const outside = await temporaryFolder(t);
  const [first = ''] = directoriesOf(home.config, 'new');
  await mkdir(first, { recursive: true });
  await symlink(outside, join(first, 'stages'));
  await assert.rejects(takeState(home, record), { code: 'WORKER_FAULTY' });
  await rm(join(first, 'stages'));
  await symlink(join(outside, 'file'), join(first, 'checkpoint.json.tmp'));
  await assert.rejects(takeState(home, record), { code: 'WORKER_FAULTY' });
  assert.deepEqual(await readdir(outside), []);
});
