import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JobRecord } from '../../../src/store/record.ts';
import { sluice } from '../../helpers/cli.ts';
import { startServer, type TestServer } from '../../helpers/server.ts';
import { listen } from '../../helpers/sse.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const RECORDS = 200;
const BROKEN = `function process(payload) {
  if (JSON.parse(payload).id % 10 === 0) throw new Error('no');
  return payload;
}`;
const MENDED = 'function process(payload) { return payload; }';

interface Bench extends TestServer {
  folder: string;
  jobId: string;
  end(jobId: string): Promise<JobRecord>;
}

/** A server, and a job of which 20 of 200 records have failed in the latest version of `udf://mine`. */
async function failedJob(t: TestContext): Promise<Bench> {
  const folder = await temporaryFolder(t);
  const lines = Array.from({ length: RECORDS }, (_, id) => JSON.stringify({ id }));
  await writeFile(join(folder, 'in.ndjson'), `${lines.join('\n')}\n`);
  const home = join(folder, 'home');
  const server = await startServer(t, { config: { home, roots: [folder] }, maxJobs: 2 });
  await upload(server, BROKEN);
  const { body } = await server.post('/v1b3/projects/p/locations/us-central1/flexTemplates:launch', {
    launchParameter: {
      jobName: 'failing',
      containerSpecGcsPath: 'gs://x/GCS_Text_to_GCS_Text',
      parameters: {
        inputFilePattern: join(folder, 'in.ndjson'),
        outputDirectory: join(folder, 'out'),
        javascriptTextTransformGcsPath: 'udf://mine',
        javascriptTextTransformFunctionName: 'process',
      },
    },
  });
  const end = async (jobId: string): Promise<JobRecord> => {
    const { ended, events } = await listen(`${server.url}/api/jobs/${jobId}/events`);
    await ended;
    return events.findLast(({ type }) => type === 'state')?.data as JobRecord;
  };
  assert.ok(body.job, JSON.stringify(body));
  const record = await end(body.job.id);
  assert.equal(record.state, 'DONE', JSON.stringify(record.result));
  return { ...server, folder, jobId: record.id, end };
}

const upload = ({ put }: TestServer, source: string) =>
  put('/api/udfs/mine', source, { headers: { 'content-type': 'text/javascript' } });

const idsIn = (folder: string): number[] =>
  globSync(join(folder, 'out/output*'))
    .flatMap(path => readFileSync(path, 'utf8').split('\n').slice(0, -1))
    .map(line => JSON.parse(line).id)
    .sort((a, b) => a - b);
const allIds = Array.from({ length: RECORDS }, (_, id) => id);

test('dead letters are listed, shown, and replayed through a mended version, each once', async t => {
  const bench = await failedJob(t);
  const { get, post, folder, jobId, end } = bench;
  const { body: listed } = await get(`/api/jobs/${jobId}/deadLetters`);
  assert.partialDeepStrictEqual(listed, {
    jobId,
    deadLetters: 20,
    waiting: 20,
    groups: [{ code: 'UDF_THREW', transform: 'Udf', count: 20, waiting: 20, message: 'Error: no' }],
    replays: [],
    missing: [],
    faults: { count: 0, first: [] },
  });
  const command = await sluice(['dlq', 'list', jobId, '--json'], { home: bench.home });
  assert.deepEqual(JSON.parse(command.stdout), listed);
  const { body: shown } = await get(`/api/jobs/${jobId}/deadLetters/letters?limit=3&code=UDF_THREW`);
  assert.equal(shown.letters.length, 3);
  const [first] = shown.letters;
  assert.partialDeepStrictEqual(first, { job: jobId, payload: '{"id":0}', attempts: 1 });
  const { body: one } = await get(`/api/jobs/${jobId}/deadLetters/letters?id=${first.id}`);
  assert.deepEqual(one.letters, [first]);

  // The version that the job was launched with is still its own.
  const { body: mended } = await upload(bench, MENDED);
  const { body: again } = await post(`/api/jobs/${jobId}:replay`, {});
  assert.equal((await end(again.job.id)).result?.elements.deadLettered, 20);
  const { body: replayed } = await post(`/api/jobs/${jobId}:replay`, { udf: 'udf://mine' });
  assert.partialDeepStrictEqual(replayed, { replayedBefore: 0, missing: [], warnings: [] });
  assert.partialDeepStrictEqual(replayed.job, { replayOf: jobId, owner: 'service', projectId: 'p' });
  const ended = await end(replayed.job.id);
  assert.deepEqual(
    [ended.state, ended.result?.elements],
    ['DONE', { read: 20, written: 20, filtered: 0, deadLettered: 0 }],
  );
  assert.deepEqual(idsIn(folder), allIds);
  const { body: after } = await get(`/api/jobs/${jobId}/deadLetters`);
  assert.deepEqual([after.waiting, after.replays], [0, [again.job.id, replayed.job.id]]);
  const nothing = await post(`/api/jobs/${jobId}:replay`, { udf: 'udf://mine' });
  assert.deepEqual(nothing.body, { replayedBefore: 20, missing: [], warnings: [] });
  assert.deepEqual(idsIn(folder), allIds);
  assert.match(mended.version, /^[0-9a-f]{12}$/);
});

test('of replays at the same time one takes the letters', async t => {
  const bench = await failedJob(t);
  const { post, folder, jobId, end } = bench;
  await upload(bench, MENDED);
  const ask = () => post(`/api/jobs/${jobId}:replay`, { udf: 'udf://mine' });
  const answers = await Promise.all([ask(), ask(), ask()]);
  const launched = answers.flatMap(({ body }) => body.job ?? []);
  for (const { status, body } of answers)
    assert.ok(body.job || body.replayedBefore === 20 || status === 400, JSON.stringify(body));
  assert.equal(launched.length, 1);
  for (const { id } of launched) await end(id);
  assert.deepEqual(idsIn(folder), allIds);
});

test('what cannot be shown or replayed is refused', async t => {
  const { get, post, jobId, home } = await failedJob(t);
  const reasonOf = ({
    status,
    body,
  }: {
    status: number;
    body: { error: { details: { reason: string }[] } };
  }) => [status, body.error.details.at(-1)?.reason];
  const replay = async (body: unknown) => reasonOf(await post(`/api/jobs/${jobId}:replay`, body));
  assert.deepEqual(reasonOf(await get('/api/jobs/absent/deadLetters')), [404, 'JOB_NOT_FOUND']);
  assert.deepEqual(reasonOf(await get(`/api/jobs/${jobId}/deadLetters/letters?id=absent`)), [
    404,
    'DEAD_LETTER_NOT_FOUND',
  ]);
  assert.deepEqual(reasonOf(await get(`/api/jobs/${jobId}/deadLetters/letters?limit=0`)), [
    400,
    'REQUEST_INVALID',
  ]);
  assert.deepEqual(await replay({ code: 'NONE' }), [404, 'DEAD_LETTER_NOT_FOUND']);
  assert.deepEqual(await replay({ ids: ['absent'] }), [404, 'DEAD_LETTER_NOT_FOUND']);
  assert.deepEqual(await replay({ udf: 'udf://absent' }), [404, 'UDF_NOT_FOUND']);
  assert.deepEqual(await replay({ udf: '/etc/passwd' }), [403, 'PATH_FORBIDDEN']);
  assert.deepEqual(await replay({ function: 'absent' }), [400, 'UDF_FUNCTION_MISSING']);
  assert.deepEqual(await replay({ maxAttempts: 1 }), [400, 'REPLAY_REFUSED']);
  assert.deepEqual(await replay({ maxAttempts: 0 }), [400, 'REQUEST_INVALID']);
  assert.deepEqual(await replay({ more: 1 }), [400, 'REQUEST_INVALID']);
  const { body } = await get(`/api/jobs/${jobId}/deadLetters`);
  assert.deepEqual([body.waiting, body.replays], [20, []]);
  assert.deepEqual(await readdir(join(home, 'jobs')), [jobId]);
});
