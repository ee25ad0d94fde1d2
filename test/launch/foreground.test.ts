import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { resumeForeground } from '../../src/launch/foreground.ts';
import { openStore } from '../../src/store/store.ts';
import type { Job } from '../../src/worker/job-file.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';
import { aRecord } from '../store/a-record.ts';

/** A program whose command has gone, where this engine is. */
async function aloneOn(t: TestContext, dockerHost: string) {
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t), DOCKER_HOST: dockerHost });
  const store = openStore(config);
  t.after(() => store.close());
  const record = aRecord({ owner: 'foreground', state: 'RUNNING', pid: 4_000_000 });
  store.jobs.insert(record);
  const program = { arguments: [], secrets: {} };
  const job: Job = { id: record.id, createTime: record.createTime, streaming: false, workers: 1, program };
  return { id: record.id, resume: () => resumeForeground({ config, store }, { job }) };
}

const AGAIN = 'it is not started again, since it might do twice what it has done';

test('a program is not resumed; where none can be found it has run', async t => {
  const { id, resume } = await aloneOn(t, `unix://${await temporaryFolder(t)}/none.sock`);
  const message = `job ${id} ran a program; ${AGAIN}`;
  await assert.rejects(resume, { code: 'JOB_NOT_RESUMABLE', message });
});

test('of a program that works on the refusal says how it is stopped', {
  skip: missing('docker'),
}, async t => {
  const { client, host } = await startDocker(t);
  const { id, resume } = await aloneOn(t, host);
  const name = `sluice-${id}-0`;
  const container = await client.createContainer({
    name,
    Image: 'sluice-python:test',
    Entrypoint: ['python3', '-c', 'import time; time.sleep(600)'],
  });
  await container.start();
  const works = `works on in the container ${name}; ${AGAIN}: \`docker stop ${name}\` ends it, and so does a server of this home`;
  const message = `job ${id} runs a program, which ${works}`;
  await assert.rejects(resume, { code: 'JOB_NOT_RESUMABLE', message });
  await container.remove({ force: true });
  await assert.rejects(resume, { message: `job ${id} ran a program; ${AGAIN}` });
});
