import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobDirectory } from '../../src/config.ts';
import { openSupervisor } from '../../src/jobs/supervisor.ts';
import { logTo } from '../../src/service/log.ts';
import { openService } from '../../src/service/service.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { aRecord } from '../store/a-record.ts';

test('what is left of old jobs is removed when the service opens, and the log tells', async t => {
  const config = { home: await temporaryFolder(t) };
  const store = openStore(config);
  const record = aRecord({ state: 'FAILED', endTime: '2020-01-01T00:00:00.000Z' });
  store.jobs.insert(record);
  store.jobs.change(record.id, {});
  store.close();
  const folder = jobDirectory(config, record.id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'job.json'), '{}');

  const lines: string[] = [];
  const service = await openService(config, {
    log: logTo({ write: line => void lines.push(line) }),
    maxJobs: 1,
    openSupervisor,
    retention: { maxAgeMs: 24 * 3600 * 1000, maxBytes: Number.POSITIVE_INFINITY },
  });
  // It is over when the service is closed.
  await service.close({ drain: false });
  assert.equal(existsSync(folder), false);
  assert.match(lines.join(''), /"jobs":1,.*ended jobs were removed/);
  const after = openStore(config);
  assert.ok(after.jobs.require(record.id).removedTime);
  after.close();
});
