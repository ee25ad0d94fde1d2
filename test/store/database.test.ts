import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../src/store/database.ts';
import { openStore } from '../../src/store/store.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { aRecord } from './a-record.ts';

const FIRST = 'CREATE TABLE kept (value TEXT) STRICT';
const SECOND = `ALTER TABLE kept ADD COLUMN more INTEGER NOT NULL DEFAULT 7;
  CREATE INDEX kept_value ON kept (value)`;

interface Writer {
  child: ChildProcessByStdio<null, Readable, null>;
  lines: string[];
  ended: Promise<unknown>;
}

function startWriter(t: TestContext, home: string, ...args: string[]): Writer {
  const program = join(import.meta.dirname, 'writer.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, home, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const whole = (rest + text).split('\n');
    rest = whole.pop() ?? '';
    lines.push(...whole);
  });
  return { child, lines, ended: once(child, 'close') };
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(10);
}

test('an empty folder gets the whole schema, for its owner only', async t => {
  const home = join(await temporaryFolder(t), 'new', 'home');
  const store = openStore({ home });
  t.after(() => store.close());
  store.jobs.insert(aRecord());
  assert.equal(store.jobs.active('service').length, 1);
  assert.equal((await stat(home)).mode & 0o777, 0o700);
  for (const name of ['sluice.db', 'sluice.db-wal', 'sluice.db-shm'])
    assert.equal((await stat(join(home, name))).mode & 0o777, 0o600, name);
  const [check] = store.database.prepare('PRAGMA integrity_check').all();
  assert.equal(check?.integrity_check, 'ok');
});

test('a store of an older version is brought to this one, with what it has', async t => {
  const home = await temporaryFolder(t);
  const old = openDatabase({ home }, [FIRST]);
  old.exec("INSERT INTO kept VALUES ('ünï')");
  old.close();
  const database = openDatabase({ home }, [FIRST, SECOND]);
  t.after(() => database.close());
  assert.deepEqual({ ...database.prepare('SELECT * FROM kept').get() }, { value: 'ünï', more: 7 });
  assert.equal(database.prepare('PRAGMA user_version').get()?.user_version, 2);
});

test('a store of a newer version is refused, and stays as it is', async t => {
  const home = await temporaryFolder(t);
  openDatabase({ home }, [FIRST, SECOND]).close();
  assert.throws(() => openDatabase({ home }, [FIRST]), {
    code: 'STORE_UNUSABLE',
    message: `${join(home, 'sluice.db')} was written by a newer version of Sluice: use that one`,
  });
  openDatabase({ home }, [FIRST, SECOND]).close();
});

test('a step that fails leaves the version before it', async t => {
  const home = await temporaryFolder(t);
  openDatabase({ home }, [FIRST]).close();
  const broken = `${SECOND}; SELECT * FROM nowhere`;
  assert.throws(() => openDatabase({ home }, [FIRST, broken]), {
    code: 'STORE_UNUSABLE',
    message: /no such table: nowhere/,
  });
  const database = openDatabase({ home }, [FIRST]);
  t.after(() => database.close());
  assert.equal(
    database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'kept_value'").get()?.n,
    0,
  );
});

test('what is no database, and a folder that cannot be, are told in one sentence', async t => {
  const home = await temporaryFolder(t);
  await writeFile(join(home, 'sluice.db'), 'no database at all '.repeat(1000));
  const refused = { code: 'STORE_UNUSABLE', message: /sluice\.db cannot be used: file is not a database/ };
  assert.throws(() => openStore({ home }), refused);
  await writeFile(join(home, 'file'), '');
  assert.throws(() => openStore({ home: join(home, 'file', 'home') }), {
    code: 'STORE_UNUSABLE',
    message: /ENOTDIR/,
  });
});

test('six processes that open an empty folder at once all succeed', async t => {
  const home = await temporaryFolder(t);
  const writers = Array.from({ length: 6 }, () => startWriter(t, home, 'open'));
  await Promise.all(writers.map(({ ended }) => ended));
  assert.deepEqual(
    writers.flatMap(({ lines }) => lines),
    Array(6).fill('opened'),
  );
});

test('killed in the middle of a step, the store is at the version before it', async t => {
  const home = await temporaryFolder(t);
  openDatabase({ home }, [FIRST]).close();
  const { child, ended } = startWriter(t, home, 'migrate');
  const sizeOfLog = async () => (await stat(join(home, 'sluice.db-wal')).catch(() => undefined))?.size ?? 0;
  // So much that some of it has left the memory of the process.
  await until(async () => (await sizeOfLog()) > 4 << 20);
  child.kill('SIGKILL');
  await ended;
  const database = openDatabase({ home }, [FIRST, SECOND]);
  t.after(() => database.close());
  assert.equal(database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'").get()?.n, 0);
  assert.equal(database.prepare('PRAGMA user_version').get()?.user_version, 2);
});

test('of two processes that want the same names at once one gets each', async t => {
  const home = await temporaryFolder(t);
  openStore({ home }).close();
  const names = Array.from({ length: 100 }, (_, i) => `job-${i}`);
  const writers = [startWriter(t, home, 'insert', ...names), startWriter(t, home, 'insert', ...names)];
  await Promise.all(writers.map(({ ended }) => ended));
  const told = writers.flatMap(({ lines }) => lines);
  assert.equal(told.filter(line => line === 'JOB_NAME_TAKEN').length, 100);
  assert.deepEqual(told.filter(line => line !== 'JOB_NAME_TAKEN').sort(), names.sort());
});

test('two processes write and are killed: what they said was committed is there', async t => {
  const home = await temporaryFolder(t);
  const store = openStore({ home });
  t.after(() => store.close());
  for (let round = 0; round < 2; round++) {
    const records = [aRecord(), aRecord()];
    for (const record of records) store.jobs.insert(record);
    const writers = records.map(({ id }) => startWriter(t, home, 'write', id));
    await until(() => writers.every(({ lines }) => lines.length >= 10));
    for (const { child } of writers) child.kill('SIGKILL');
    await Promise.all(writers.map(({ ended }) => ended));
    for (const [i, { lines }] of writers.entries()) {
      const { id } = records[i] ?? aRecord();
      const told = Number(lines.at(-1));
      const { restarts } = store.jobs.require(id);
      // The one that was under way may have been committed too.
      assert.ok(restarts === told || restarts === told + 1, `${restarts} after ${told}`);
      const { items } = store.messages.list(id, {}, 20_000);
      assert.ok(items.length === told || items.length === told + 1);
      assert.ok((store.progress.get(id)?.time ?? 0) >= told);
    }
  }
  assert.equal(store.database.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
});

test('a full disk is told as one, nothing that was committed is lost, and with space it goes on', async t => {
  const disk = await smallDisk(t, '2m');
  if (!disk) return;
  const home = join(disk, 'home');
  await writeFile(join(disk, 'filler'), Buffer.alloc(1 << 20));
  const store = openStore({ home });
  t.after(() => store.close());
  const { id } = aRecord();
  store.jobs.insert(aRecord({ id }));
  const jobs: string[] = [];
  assert.throws(
    () => {
      for (;;) {
        const record = aRecord({ parameters: { filler: 'x'.repeat(10_000) } });
        store.jobs.insert(record);
        jobs.push(record.id);
      }
    },
    { code: 'DISK_FULL', message: /^disk full: .*sluice\.db cannot grow$/ },
  );
  assert.ok(jobs.length > 10);
  assert.ok(jobs.every(each => store.jobs.get(each)));
  const long = 'x'.repeat(16_000);
  const messages = Array.from({ length: 100 }, () => ({
    jobId: id,
    time: 1,
    severity: 'INFO' as const,
    text: long,
  }));
  assert.throws(() => store.messages.add(messages), { code: 'DISK_FULL' });
  assert.deepEqual(store.messages.list(id, {}, 10).items, []);
  await rm(join(disk, 'filler'));
  store.jobs.move(id, 'PENDING');
  assert.equal(store.messages.add(messages.slice(0, 20)).length, 20);
  assert.equal(store.jobs.require(id).state, 'PENDING');
});

test('on a disk that is full from the beginning the store says so', async t => {
  const disk = await smallDisk(t, '64k');
  if (!disk) return;
  await mkdir(join(disk, 'home'));
  await writeFile(join(disk, 'filler'), Buffer.alloc(64 << 10)).catch(() => {});
  assert.throws(() => openStore({ home: join(disk, 'home') }), { code: 'DISK_FULL' });
});
