import assert from 'node:assert/strict';
import { get } from 'node:http';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { noteJobNetwork } from '../../src/access/job-networks.ts';
import { startServer } from '../helpers/server.ts';

/** What a call over gRPC is answered with: its status, or the HTTP one. */
function call(port: number): Promise<string> {
  const client = connect(`http://127.0.0.1:${port}`);
  const request = client.request({
    ':method': 'POST',
    ':path': '/google.dataflow.v1beta3.JobsV1Beta3/ListJobs',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  request.end(Buffer.alloc(5));
  request.resume();
  return new Promise((resolve, reject) => {
    request.on('response', headers => headers['grpc-status'] && resolve(String(headers['grpc-status'])));
    request.on('trailers', headers => resolve(String(headers['grpc-status'])));
    request.on('error', reject);
  }).finally(() => client.close()) as Promise<string>;
}

/** Over a connection of its own. */
const look = (url: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(`${url}/healthz`, { agent: false }, answer => resolve(answer.resume().statusCode)).on(
      'error',
      reject,
    );
  });

const PERMISSION_DENIED = '7';

test('where containers of jobs are, nobody is answered: over HTTP there is no answer, over gRPC a refusal', async t => {
  const server = await startServer(t, { grpcPort: 0 });
  t.after(() => noteJobNetwork('jobs', []));
  assert.equal(await look(server.url), 200);
  assert.notEqual(await call(server.grpcPort), PERMISSION_DENIED);
  noteJobNetwork('jobs', ['127.0.0.0/8']);
  await assert.rejects(look(server.url), { code: 'ECONNRESET' });
  assert.equal(await call(server.grpcPort), PERMISSION_DENIED);
  noteJobNetwork('jobs', []);
  assert.equal(await look(server.url), 200);
});
