/** A program goes on while its server is away: what it says meanwhile is not lost, and nothing is told twice. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../helpers/serve.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { oddSpec, startPrograms } from './programs/programs.ts';

const skip = missing('docker');
const NUMBERS = 80;
/** Here it waits to be let on while no server is there. */
const WAITS = [20, 50];
const parameters = ['mode', 'to', 'waits', 'gates'].map(name => ({
  name,
  ...(name === 'gates' && { paramType: 'GCS_READ_FOLDER' }),
}));
const PLACE = '/v1b3/projects/my-proj/locations/us-central1';

test('a server that is killed twice finds its program again, and each of its lines once', {
  skip,
}, async t => {
  const { host, client } = await startPrograms(t);
  const home = await temporaryFolder(t);
  const options = { home, env: { DOCKER_HOST: host } };
  const gates = join(home, 'cloud/gs/bucket/gates');
  await mkdir(gates, { recursive: true });
  let server = await serve(t, options);
  const get = async (path: string) => (await fetch(`${server.url}${path}`)).json();
  const launchParameter = {
    jobName: 'counting',
    containerSpec: oddSpec('reports', { parameters }),
    parameters: { mode: 'counts', to: String(NUMBERS), gates: 'gs://bucket/gates', waits: WAITS.join(';') },
  };
  const answer = await fetch(`${server.url}${PLACE}/flexTemplates:launch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ launchParameter }),
  });
  const { job } = (await answer.json()) as { job: { id: string } };
  const show = async () => (await get(`/api/jobs/${job.id}`)) as Shown;
  for (const gate of WAITS) {
    while ((await show()).counters?.program?.named.numbers !== gate) await sleep(20);
    server.child.kill('SIGKILL');
    await server.finished;
    const before = await client.listContainers({ all: true });
    assert.equal(before.length, 1);
    await writeFile(join(gates, String(gate)), '');
    const log = () => client.getContainer(before[0]?.Id ?? '').logs({ stdout: true });
    while (!(await log()).includes(`number ${gate + 10}`)) await sleep(50);
    server = await serve(t, options);
    const after = await client.listContainers({ all: true });
    assert.deepEqual(
      after.map(({ Id: id }) => id),
      before.map(({ Id: id }) => id),
    );
  }
  while (!['DONE', 'FAILED'].includes((await show()).state)) await sleep(50);
  const { state, counters, restarts, result } = await show();
  assert.deepEqual(
    [state, counters?.program?.named, restarts],
    ['DONE', { numbers: NUMBERS }, 0],
    JSON.stringify(result),
  );
  const { jobMessages } = (await get(`${PLACE}/jobs/${job.id}/messages?pageSize=1000`)) as Messages;
  const texts = jobMessages.map(({ messageText }) => messageText);
  for (const what of ['number', 'noise'])
    assert.deepEqual(
      texts.filter(text => text.startsWith(`${what} `)),
      Array.from({ length: NUMBERS }, (_, number) => `${what} ${number}`),
    );
  assert.equal(texts.filter(text => text.startsWith('running with')).length, 1);
  while ((await client.listContainers({ all: true })).length > 0) await sleep(50);
});

interface Shown {
  state: string;
  restarts: number;
  result?: object;
  counters?: { program?: { named: Record<string, number> } };
}

interface Messages {
  jobMessages: { messageText: string }[];
}
