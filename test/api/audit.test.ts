import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokensIn } from '../../src/access/tokens.ts';
import { startServer } from '../helpers/server.ts';

test('who launched and stopped a job, and who uploaded a function, is kept with the name of the token', async t => {
  const { get, post, put, service } = await startServer(t, { as: 'admin' });
  const authorization = `Bearer ${tokensIn(service.store).create('ann', 'operator')}`;
  const asAnn = { headers: { authorization } };
  const jobs = '/v1b3/projects/local/locations/here';
  const launchParameter = {
    jobName: 'copy',
    containerSpecGcsPath: 'GCS_Text_to_GCS_Text',
    parameters: { inputFilePattern: 'gs://bucket/in/*', outputDirectory: 'gs://bucket/out/' },
  };
  const launched = await post(`${jobs}/flexTemplates:launch`, { launchParameter }, asAnn);
  const { id } = launched.body.job;
  await put(`${jobs}/jobs/${id}`, { requestedState: 'JOB_STATE_CANCELLED' });
  // What was refused or only validated has not been done.
  await post(`${jobs}/flexTemplates:launch`, { launchParameter, validateOnly: true }, asAnn);
  await put(`${jobs}/jobs/${id}`, { requestedState: 'JOB_STATE_CANCELLED' }, asAnn);
  await put('/api/udfs/shout', 'function process(line) { return line; }', {
    headers: { authorization, 'content-type': 'text/javascript' },
  });
  const { body } = await get('/api/audit');
  assert.deepEqual(
    body.entries.map(({ who, action, subject }: Record<string, string>) => [who, action, subject]),
    [
      ['ann', 'udf.upload', 'shout'],
      ['admin', 'job.cancel', id],
      ['ann', 'job.launch', id],
    ],
  );
  const own = await get(`/api/audit?subject=${id}&who=ann`);
  assert.deepEqual(own.body.entries[0].details, { name: 'copy', templateId: 'GCS_Text_to_GCS_Text' });
  assert.equal(own.body.entries.length, 1);
});
