import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../helpers/at-end.ts';
import { clientsOf, configHere, makeTopic } from '../helpers/pubsub.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

function start(home: string, args: string[], env: Record<string, string> = {}) {
  const flags = ['--disable-warning=ExperimentalWarning', main, 'pubsub', ...args];
  const { PUBSUB_EMULATOR_HOST: _, GOOGLE_APPLICATION_CREDENTIALS: __, ...inherited } = process.env;
  return spawn(process.execPath, flags, { env: { ...inherited, SLUICE_HOME: home, ...env } });
}

async function run(home: string, args: string[], input = '', env: Record<string, string> = {}): Promise<Run> {
  const child = start(home, args, env);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', chunk => (output.stdout += chunk));
  child.stderr.on('data', chunk => (output.stderr += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [status] = await once(child, 'close');
  return { status, ...output };
}

/** A home with the topic `orders` and its subscription `orders-in`. */
async function homeWithOrders(t: TestContext): Promise<string> {
  const { home } = await configHere(t);
  const created = await run(home, ['create', 'orders', '--subscription', 'orders-in']);
  assert.equal(
    created.stdout,
    'created projects/local/topics/orders\ncreated projects/local/subscriptions/orders-in\n',
    created.stderr,
  );
  return home;
}

test('creates, publishes, lists and pulls', async t => {
  const home = await homeWithOrders(t);
  const published = await run(home, ['publish', 'orders', '--attribute', 'kind=x=y'], 'one\ntwo\r\nthree');
  assert.equal(published.stdout, 'published 3 messages to projects/local/topics/orders\n');
  const listed = await run(home, ['list']);
  assert.equal(listed.stdout, 'projects/local/topics/orders\n  projects/local/subscriptions/orders-in\n');

  const shown = await run(home, ['pull', 'orders-in', '--max', '2', '--json']);
  const { messages, acknowledged, subscription } = JSON.parse(shown.stdout);
  assert.equal(subscription, 'projects/local/subscriptions/orders-in');
  assert.equal(acknowledged, false);
  assert.deepEqual(
    messages.map(({ data, attributes }: { data: string; attributes: object }) => [data, attributes]),
    [
      ['one', { kind: 'x=y' }],
      ['two', { kind: 'x=y' }],
    ],
  );
  const taken = await run(home, ['pull', 'orders-in', '--ack']);
  assert.deepEqual(taken.stdout.trim().split('\n').sort(), ['one', 'three', 'two']);
  const nothing = await run(home, ['pull', 'orders-in']);
  assert.equal(nothing.stdout, '');
  await run(home, ['create', 'lonely']);
  const lost = await run(home, ['publish', 'lonely'], 'anybody?');
  assert.match(lost.stdout, /it has no subscription, so nothing keeps them/);
  assert.equal(nothing.stderr, 'nothing waits in projects/local/subscriptions/orders-in\n');
});

test('publishes the lines of a file in requests of a thousand, bytes untouched', async t => {
  const home = await homeWithOrders(t);
  const file = join(home, 'lines.txt');
  await writeFile(file, Buffer.concat([Buffer.from('x\n'.repeat(2499)), Buffer.from([0xff, 0xfe])]));
  const published = await run(home, ['publish', 'orders', file, '--json']);
  assert.deepEqual(JSON.parse(published.stdout), {
    topic: 'projects/local/topics/orders',
    published: 2500,
    subscriptions: 1,
  });
  const pulled = await run(home, ['pull', 'orders-in', '--max', '5000', '--ack']);
  assert.equal(pulled.stdout.trim().split('\n').length, 2500);
});

test('refuses in one clear line, with the status of the error', async t => {
  const home = await homeWithOrders(t);
  const cases: [args: string[], status: number, message: RegExp][] = [
    [
      ['publish', 'nobody'],
      2,
      /there is no topic projects\/local\/topics\/nobody: create it with `sluice pubsub create nobody.*\[PUBSUB_NOT_FOUND\]/,
    ],
    [
      ['publish', 'orders', join(home, 'missing.txt')],
      2,
      /missing\.txt cannot be read: ENOENT \[INPUT_UNREADABLE\]/,
    ],
    [
      ['pull', 'nobody-in'],
      2,
      /there is no subscription projects\/local\/subscriptions\/nobody-in.*\[PUBSUB_NOT_FOUND\]/,
    ],
    [['create', 'ab'], 2, /must have 3 to 255 letters.*\[PUBSUB_REFUSED\]/],
    [['list', '--project', 'no/such'], 2, /\[PUBSUB_REFUSED\]/],
    [['pull', 'orders-in', '--max', '0'], 2, /whole number from 1/],
    [['publish', 'orders', '--attribute', 'novalue'], 2, /must be key=value/],
  ];
  for (const [args, status, message] of cases) {
    const result = await run(home, args);
    assert.equal(result.status, status, `${args.join(' ')}: ${result.stderr}`);
    assert.match(`${result.stdout}${result.stderr}`, message);
  }
  const empty = await run(home, ['publish', 'orders', '--json'], 'fine\n\n');
  assert.equal(empty.status, 2);
  const { error } = JSON.parse(empty.stdout);
  assert.equal(error.code, 'PUBSUB_REFUSED');
  assert.equal(error.message, 'standard input:2 cannot be published: it has neither data nor attributes');
});

test('serves in the foreground for other programs, until it is interrupted', async t => {
  const { home } = await configHere(t);
  const child = start(home, ['serve', '--port', '0']);
  atEnd(t, () => child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line');
  const [, host = ''] = /^export PUBSUB_EMULATOR_HOST=(127\.0\.0\.1:\d+)$/.exec(line) ?? [];
  const clients = clientsOf(host);
  const { topic } = await makeTopic(clients);
  await clients.close();
  const listed = await run(home, ['list', '--json']);
  assert.deepEqual(
    JSON.parse(listed.stdout).topics.map(({ name }: { name: string }) => name),
    [topic],
  );
  const elsewhere = await configHere(t);
  const through = await run(elsewhere.home, ['list', '--project', 'test'], '', {
    PUBSUB_EMULATOR_HOST: host,
  });
  assert.match(through.stdout, new RegExp(topic));
  const second = await run(home, ['serve', '--port', '0']);
  assert.equal(second.status, 1);
  assert.match(second.stderr, /is served already by process \d+, on 127\.0\.0\.1:\d+/);
  child.kill('SIGINT');
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
});
