/** What becomes of programs of somebody else's when the server, or the engine, goes away under them. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildImage } from '../helpers/images.ts';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type DockerEngine, startDocker } from '../services/docker.ts';
import { missing } from '../services/index.ts';

const skip = missing('docker');
const BASE = '/v1b3/projects/local/locations/us-central1';
const PATIENCE_MS = 180_000;
const TICKS = 150;
/** It counts, and says each number. */
const PROGRAM = `import json, time
for tick in range(1, ${TICKS} + 1):
    print(json.dumps({"type": "message", "severity": "INFO", "text": f"tick {tick}"}))
    print(json.dumps({"type": "progress", "counters": {"ticks": tick}}), flush=True)
    time.sleep(0.1)
`;

interface Ticking {
  engine: DockerEngine;
  home: string;
  id: string;
  server(): Served;
  startServer(): Promise<void>;
  ticks(): Promise<number>;
  until(state: RegExp): Promise<void>;
  messages(): Promise<string[]>;
}

async function ask(url: string, path: string, body?: object) {
  const init = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`${url}${path}`, init);
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into whatever was answered
  const said: any = await answer.json();
  assert.ok(answer.ok, JSON.stringify(said));
  return said;
}

async function ticking(t: TestContext): Promise<Ticking> {
  const engine = await startDocker(t);
  const dockerfile = 'FROM sluice-python:test\nCOPY tick.py /\nENTRYPOINT ["python3", "/tick.py"]\n';
  await buildImage(engine.client, 'tick:1', { 'tick.py': PROGRAM }, dockerfile);
  const home = join(await temporaryFolder(t), 'home');
  await mkdir(home);
  const start = () => serve(t, { home, env: { DOCKER_HOST: engine.host } });
  let server = await start();
  const containerSpec = { image: 'tick:1', metadata: { name: 'tick' } };
  const { job } = await ask(server.url, `${BASE}/flexTemplates:launch`, {
    launchParameter: { jobName: 'tick', containerSpec, parameters: {} },
  });
  const path = `${BASE}/jobs/${job.id}`;
  return {
    engine,
    home,
    id: job.id,
    server: () => server,
    async startServer() {
      server = await start();
    },
    async ticks() {
      const { metrics = [] } = await ask(server.url, `${path}/metrics`);
      const found = metrics.find((each: { name: { name: string } }) =>
        /ticks/.test(JSON.stringify(each.name)),
      );
      return Number(found?.scalar ?? 0);
    },
    async until(wanted) {
      for (const giveUp = Date.now() + PATIENCE_MS; ; await sleep(100)) {
        const { currentState: state } = await ask(server.url, path);
        if (wanted.test(state)) return;
        assert.ok(Date.now() < giveUp && !/DONE|FAILED|CANCELLED/.test(state), `the job is ${state}`);
      }
    },
    async messages() {
      const { jobMessages } = await ask(
        server.url,
        `${path}/messages?minimumImportance=JOB_MESSAGE_DEBUG&pageSize=10000`,
      );
      return jobMessages.map((each: { messageText: string }) => each.messageText);
    },
  };
}

test('a server that is killed under a program goes on with it: nothing is said or counted twice', {
  skip,
}, async t => {
  const { engine, server, startServer, ticks, until, messages } = await ticking(t);
  for (const mark of [10, 60]) {
    for (const giveUp = Date.now() + PATIENCE_MS; (await ticks()) < mark; await sleep(50))
      assert.ok(Date.now() < giveUp, `it counts to ${await ticks()}`);
    server().child.kill('SIGKILL');
    await server().finished;
    await startServer();
  }
  await until(/DONE/);
  assert.equal(await ticks(), TICKS);
  const said = (await messages()).filter(text => text.startsWith('tick '));
  assert.deepEqual(
    said,
    Array.from({ length: TICKS }, (_, i) => `tick ${i + 1}`),
  );
  assert.deepEqual(await engine.client.listContainers({ all: true }), []);
});

test('a program that ends with its engine fails, says why, and is not started again', { skip }, async t => {
  const { engine, ticks, until, messages } = await ticking(t);
  for (const giveUp = Date.now() + PATIENCE_MS; (await ticks()) < 10; await sleep(50))
    assert.ok(Date.now() < giveUp, 'it does not count');
  await engine.kill();
  await engine.restart();
  await until(/FAILED/);
  const said = await messages();
  assert.match(said.at(-1) ?? '', /program/);
  assert.equal(said.filter(text => text === 'tick 1').length, 1);
  assert.deepEqual(await engine.client.listContainers({ all: true }), []);
});
