import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokensIn } from '../../src/access/tokens.ts';
import { startServer } from '../helpers/server.ts';

test('each request has a line with who, what, how long and its id, and no token is in any', async t => {
  const { get, post, log, service } = await startServer(t);
  const token = tokensIn(service.store).create('ann', 'admin');
  const { headers } = await get('/api/jobs/some-job?view=1', {
    headers: { authorization: `Bearer ${token}` },
  });
  await get(`/api/audit?key=${token}`, { headers: { 'x-goog-api-key': token } });
  await post('/api/tokens', { name: 'x', role: token }, { headers: { authorization: `Bearer ${token}` } });
  await get('/no', { headers: { authorization: `Bearer ${token}x` } });
  const line = log.find(({ requestId }) => requestId === headers.get('x-request-id'));
  assert.deepEqual(
    [line?.caller, line?.operation, line?.jobId, line?.req, line?.res],
    ['ann', 'showJob', 'some-job', { method: 'GET', path: '/api/jobs/some-job' }, { status: 404 }],
  );
  assert.equal(typeof line?.milliseconds, 'number');
  assert.match(String(line?.time), /^\d{4}-.*Z$/);
  assert.equal(log.length, 4);
  assert.equal(JSON.stringify(log).includes(token), false);
});

test('a line has each key once, and what Sluice has not is no error', async t => {
  const { get, post, log, logText } = await startServer(t);
  await get('/api/jobs');
  const { status } = await post('/v1b3/projects/p/locations/l/flexTemplates:launch', {
    launchParameter: {
      jobName: 'j',
      containerSpec: { image: 'registry/theirs', imageRepositoryCertPath: 'gs://b/c' },
    },
  });
  for (const key of ['requestId', 'address', 'req', 'caller'])
    for (const line of logText) assert.equal(line.split(`"${key}":`).length, 2, line);
  assert.equal(status, 501);
  assert.deepEqual([log[1]?.level, log[1]?.res, log[1]?.err], ['info', { status: 501 }, undefined]);
});

test('what was not foreseen is in the log with the id that the answer carries, and only there', async t => {
  const { get, log, service } = await startServer(t);
  service.store.database.exec('ALTER TABLE audit RENAME TO secret_name');
  const { status, body, headers } = await get('/api/audit');
  assert.equal(status, 500);
  assert.equal(body.error.status, 'INTERNAL');
  const requestId = headers.get('x-request-id');
  assert.ok(body.error.message.includes(requestId));
  assert.doesNotMatch(JSON.stringify(body), /audit|table|stack/i);
  const failure = log.find(line => line.requestId === requestId && line.err) as { err: { message: string } };
  assert.match(failure.err.message, /no such table: audit/);
});

test('a change of a job is in the log with its id', async t => {
  const { post, log } = await startServer(t);
  const { body } = await post('/v1b3/projects/p/locations/l/flexTemplates:launch', {
    launchParameter: {
      jobName: 'words',
      containerSpecGcsPath: 'GCS_Text_to_GCS_Text',
      parameters: { inputFilePattern: 'gs://bucket/in/*', outputDirectory: 'gs://bucket/out/' },
    },
  });

  const line = log.find(({ msg }) => msg === 'job');
  assert.deepEqual(
    [line?.jobId, line?.name, line?.state, line?.templateId],
    [body.job.id, 'words', 'QUEUED', 'GCS_Text_to_GCS_Text'],
  );
});
