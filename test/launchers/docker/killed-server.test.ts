import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../../src/config.ts';
import { saveJob } from '../../../src/jobs/job.ts';
import { inContainers } from '../../../src/launch/container.ts';
import { containerRequest } from '../../../src/launch/container-request.ts';
import { prepareJob } from '../../../src/launch/prepare.ts';
import { newRecord } from '../../../src/launch/record.ts';
import { programArguments } from '../../../src/program.ts';
import { assertExactlyOnce, expectedElements, UDF } from '../../faults/records.ts';
import { batchIn, eventually } from '../../jobs/service-jobs.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { openContainers } from './containers.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const RECORDS = 12_000;
const KILLS = 4;

test('a server that is killed again and again finds the containers of its job each time', {
  skip,
}, async t => {
  const all = await openContainers(t, await engine());
  const { config, store, folder, supervisor } = all;
  // Its place is taken by processes that can be killed.
  await supervisor.close({ drain: false });
  const parameters = await batchIn(folder, RECORDS);
  // The function takes a while for each record, so that there is time to kill.
  await writeFile(
    join(folder, 'check.js'),
    UDF.replace('{', '{ for (const end = Date.now() + 1; Date.now() < end; );'),
  );
  const prepared = await inContainers(
    config,
    await prepareJob(config, { templateId: 'GCS_Text_to_GCS_Text', parameters }),
    {
      request: containerRequest({}),
    },
  );
  const { id } = prepared.job;
  await saveJob(config, prepared.job);
  store.jobs.insert(newRecord(prepared, { launchedBy: 'test', owner: 'service' }));
  const seen = new Set<string>();
  for (let kills = 0; kills < KILLS && all.written(id) < RECORDS / 2; kills++) {
    const server = await startServer(t, config);
    const before = all.written(id);
    await eventually(() => all.written(id) > before);
    server.kill('SIGKILL');
    await new Promise(resolve => server.once('exit', resolve));
    for (const { Id } of await all.containersOf(id)) seen.add(Id);
  }
  assert.equal(seen.size, 1);
  await startServer(t, config);
  const { result, restarts } = await all.until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS), JSON.stringify(result?.error));
  assert.equal(restarts, 0);
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  await all.assertNothingLeft();
});

test('what a killed server has left of a job that has ended is removed by the next one', {
  skip,
}, async t => {
  const all = await openContainers(t, await engine());
  const { folder, store, containersOf } = all;
  const parameters = await batchIn(folder, RECORDS);
  await writeFile(
    join(folder, 'check.js'),
    UDF.replace('{', '{ for (const end = Date.now() + 1; Date.now() < end; );'),
  );
  const { id } = await all.launch({ templateId: 'GCS_Text_to_GCS_Text', parameters });
  await eventually(() => all.written(id) > 0);
  await all.supervisor.close({ drain: false });
  store.jobs.move(id, 'FAILED');
  assert.equal((await containersOf(id)).length, 1);
  await all.reopen();
  await all.assertNothingLeft();
});

async function startServer(t: TestContext, config: Config): Promise<ChildProcess> {
  const program = new URL('../../faults/supervisor-program.ts', import.meta.url);
  const env = {
    PATH: process.env.PATH,
    SLUICE_HOME: config.home,
    SLUICE_CHECKPOINT_MS: String(config.checkpointMs),
    DOCKER_HOST: config.dockerHost,
  };
  const server = spawn(process.execPath, programArguments(program), {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve());
    server.once('exit', status => reject(new Error(`the server ended with status ${status}`)));
  });
  return server;
}
