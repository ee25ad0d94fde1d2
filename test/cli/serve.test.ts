import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../src/store/store.ts';
import { sluice, startSluice } from '../helpers/cli.ts';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const anyPort = ['--port', '0', '--grpc-port', '0'];

/** Launches a stream, and waits until it runs. */
async function runStream({ url }: Served): Promise<string> {
  const jobs = `${url}/v1b3/projects/local/locations/here`;
  const launch = await fetch(`${jobs}/flexTemplates:launch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      launchParameter: {
        jobName: 'numbers',
        containerSpecGcsPath: 'Streaming_Data_Generator',
        parameters: {
          qps: '50',
          sinkType: 'GCS',
          outputDirectory: 'gs://bucket/out/',
          schemaTemplate: 'GAME_EVENT',
        },
      },
    }),
  });
  const { job, error } = (await launch.json()) as { job?: { id: string }; error?: { message: string } };
  assert.ok(job, error?.message ?? '');
  for (;;) {
    const answer = await fetch(`${jobs}/jobs/${job.id}`);
    const { currentState: state } = (await answer.json()) as { currentState: string };
    if (state === 'JOB_STATE_RUNNING') return job.id;
    assert.match(state, /QUEUED|PENDING/);
    await sleep(20);
  }
}

function stateOf(home: string, jobId: string): string {
  const store = openStore({ home });
  const { state } = store.jobs.require(jobId);
  store.close();
  return state;
}

/** Sends the head of a request, which the server has taken then, and half of its body. */
async function beginRequest({ url }: Served): Promise<{ finish(): Promise<string> }> {
  const { port, host } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  const body = '{"name": "late", "role": "viewer"}';
  const headers = `Host: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.write(`POST /api/tokens HTTP/1.1\r\n${headers}\r\nExpect: 100-continue\r\n\r\n`);
  let answer = '';
  socket.setEncoding('utf8').on('data', text => {
    answer += text;
  });
  await once(socket, 'data');
  assert.match(answer, /^HTTP\/1\.1 100 Continue/);
  socket.write(body.slice(0, 10));
  return {
    async finish() {
      socket.write(body.slice(10));
      await once(socket, 'close');
      return answer;
    },
  };
}

test('it tells where it serves, and how clients are pointed at it', async t => {
  const home = await temporaryFolder(t);
  const running = startSluice(['serve', ...anyPort], { home });
  await running.says('CLOUDSDK_CORE_PROJECT');
  running.child.kill('SIGTERM');
  const { status, stdout } = await running.finished;
  assert.equal(status, 0);
  const [, url] = /serves at (http:\/\/127\.0\.0\.1:\d+), gRPC at 127\.0\.0\.1:[1-9]\d*;/.exec(stdout) ?? [];
  assert.ok(url, stdout);
  assert.ok(stdout.includes(`export SLUICE_SERVER=${url} `));
  assert.ok(stdout.includes(`export CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW=${url}/ `));
});

test('where tokens are needed it tells how to send one, and an address that others can use', async t => {
  const home = await temporaryFolder(t);
  await sluice(['token', 'create', '--name', 'me', '--role', 'admin'], { home });
  const running = startSluice(['serve', ...anyPort, '--host', '0.0.0.0'], { home });
  await running.says('SLUICE_TOKEN');
  running.child.kill('SIGTERM');
  const { stdout } = await running.finished;
  assert.doesNotMatch(stdout, /0\.0\.0\.0|DISABLE_CREDENTIALS/);
  assert.match(stdout, /export CLOUDSDK_AUTH_ACCESS_TOKEN_FILE=FILE /);
  assert.match(stdout, /export SLUICE_TOKEN=\$\(cat FILE\) /);
});

test('asked to stop, it leaves workers at work, and the next server finds them', async t => {
  const home = await temporaryFolder(t);
  const first = await serve(t, { home });
  const id = await runStream(first);
  first.child.kill('SIGTERM');
  assert.equal((await first.finished).status, 0);
  assert.equal(stateOf(home, id), 'RUNNING');
  const second = await serve(t, { home });
  const { body } = {
    body: (await (await fetch(`${second.url}/readyz`)).json()) as { jobs: { running: number } },
  };
  assert.equal(body.jobs.running, 1);
});

test('with --drain streams come to a clean end before it stops', async t => {
  const home = await temporaryFolder(t);
  const server = await serve(t, { home }, ['--drain']);
  const id = await runStream(server);
  server.child.kill('SIGINT');
  assert.equal((await server.finished).status, 0);
  assert.equal(stateOf(home, id), 'DRAINED');
});

test('a request under way is waited for; a second signal ends it at once', async t => {
  const home = await temporaryFolder(t);
  const server = await serve(t, { home });
  const late = await beginRequest(server);
  server.child.kill('SIGTERM');
  await server.says('stopping');
  const answered = late.finish();
  assert.equal((await server.finished).status, 0);
  assert.match(await answered, /HTTP\/1\.1 200 /);

  const other = await serve(t, { home, env: { SLUICE_HOME: join(home, 'other') } });
  await beginRequest(other);
  other.child.kill('SIGTERM');
  await other.says('stopping');
  const began = Date.now();
  other.child.kill('SIGTERM');
  assert.equal((await other.finished).status, 143);
  assert.ok(Date.now() - began < 5000);
});

test('an address in use, one that others reach, and a home that is served already are refused', async t => {
  const home = await temporaryFolder(t);
  const { url, grpcPort } = await serve(t, { home });
  const other = await temporaryFolder(t);
  const refusals: [args: string[], home: string, status: number, message: RegExp][] = [
    [['--port', new URL(url).port, '--grpc-port', '0'], other, 2, /is in use \[ADDRESS_IN_USE\]/],
    [['--port', '0', '--grpc-port', String(grpcPort)], other, 2, /ADDRESS_IN_USE/],
    [[...anyPort, '--host', '0.0.0.0'], other, 2, /sluice token create --name NAME --role admin/],
    [[...anyPort, '--host', '192.0.2.1'], other, 2, /sluice token create/],
    [anyPort, home, 2, /HOME_IN_USE/],
    [[...anyPort, '--root', join(other, 'no')], other, 2, /--root .*no: there is no such folder/],
    [[...anyPort, '--log-file', '/proc/x/y'], other, 2, /the log \/proc\/x\/y cannot be written/],
    [['--port', '99999'], other, 2, /whole number from 0 to 65535/],
  ];
  for (const [args, where, status, message] of refusals) {
    const refused = await sluice(['serve', ...args], { home: where });
    assert.equal(refused.status, status, args.join(' '));
    assert.match(refused.stderr, message);
    assert.doesNotMatch(refused.stderr, /\n +at /);
  }
});

test('a log file takes the lines that stderr has otherwise', async t => {
  const home = await temporaryFolder(t);
  const file = join(home, 'logs/sluice.log');
  const server = await serve(t, { home }, ['--log-file', file, '--log-level', 'debug']);
  await fetch(`${server.url}/healthz`);
  server.child.kill('SIGTERM');
  const { stderr } = await server.finished;
  assert.equal(stderr, '');
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['serving', 'request', 'stopping', 'stopped'],
  );
});
