import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sluice } from '../helpers/cli.ts';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const COPY = 'GCS_Text_to_GCS_Text';
const relative = 'inputFilePattern=in.txt,outputDirectory=out';

/** Its element has no time, and there is no dead letter for it. */
const FAILING = `pipeline:
  type: chain
  transforms:
    - {type: Create, config: {elements: [{time: never}]}}
    - {type: AssignTimestamps, config: {timestamp: time}}
    - {type: LogForTesting}
`;

/** A server, and the folder in which its user stands, which is not that of the server. */
async function place(t: TestContext) {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  await writeFile(join(folder, 'in.txt'), 'one\ntwo\n');
  const served = await serve(t, { home, cwd: tmpdir() }, ['--root', folder]);
  const server: Pick<Served, 'sluice' | 'json'> = {
    sluice: args => served.sluice(args, { cwd: folder }),
    json: args => served.json(args, { cwd: folder }),
  };
  return { folder, home, server };
}

test('a template is launched on a server from the command line', { timeout: 180_000 }, async t => {
  const { folder, home, server } = await place(t);
  const launch = (...args: string[]) => server.json(['launch', COPY, ...args]);

  await t.test('a launch that is waited for tells what a run tells', async () => {
    const { status, stdout, stderr } = await server.sluice([
      'launch',
      COPY,
      '--job-name',
      'copy',
      '--labels',
      'team=flights,stage=test',
      '--parameters',
      relative,
      '--wait',
    ]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^waiting for job \S+ \(copy\)/);
    assert.match(stdout, /^DONE {2}job .* elements\/s\n {2}read +2 +6 B\n {2}written +2 +6 B\n/);
    assert.equal(await readFile(join(folder, 'out/output-00000-of-00001.txt'), 'utf8'), 'one\ntwo\n');
    const { jobs } = await server.json(['jobs', 'list', '--name', 'copy']);
    assert.partialDeepStrictEqual(jobs[0], {
      name: 'copy',
      state: 'DONE',
      projectId: 'local',
      location: 'us-central1',
      labels: { team: 'flights', stage: 'test' },
      parameters: { inputFilePattern: join(folder, 'in.txt') },
    });
  });

  await t.test('without a name a job is called after its template and the time', async () => {
    const job = await launch('--parameters', relative, '--project', 'flights', '--region', 'here');
    assert.match(job.name, /^gcs-text-to-gcs-text-\d{8}-\d{6}$/);
    assert.deepEqual([job.projectId, job.location], ['flights', 'here']);
    const summary = await server.json(['jobs', 'wait', job.id]);
    assert.deepEqual(summary.elements, { read: 2, written: 2, filtered: 0, deadLettered: 0 });
    assert.equal(summary.jobId, job.id);
  });

  await t.test(
    'what is wrong with parameters is told as by `sluice run`, and nothing is launched',
    async () => {
      const wrong = ['--parameters', 'inputFilePattern=in.txt,outputDirectori=out', '--json'];
      const here = await sluice(['run', COPY, ...wrong], { home, cwd: folder });
      for (const more of [[], ['--validate-only'], ['--wait']]) {
        const there = await server.sluice(['launch', COPY, '--job-name', 'wrong', ...wrong, ...more]);
        assert.equal(there.status, 2);
        assert.deepEqual(JSON.parse(there.stdout), JSON.parse(here.stdout));
      }
      const { stderr } = await server.sluice(['launch', COPY, '--job-name', 'wrong', ...wrong.slice(0, 2)]);
      assert.match(stderr, /^sluice: .*invalid \[PARAMETERS_INVALID\]\n(?: {2}\w+: .*\n){2}/);
      assert.deepEqual(await server.json(['jobs', 'list', '--name', 'wrong']), { jobs: [] });
    },
  );

  await t.test('--validate-only launches nothing', async () => {
    const args = ['--job-name', 'checked', '--parameters', relative, '--validate-only'];
    assert.deepEqual(await launch(...args), { valid: true });
    assert.deepEqual(await server.json(['jobs', 'list', '--name', 'checked']), { jobs: [] });
  });

  await t.test('a job that fails sets the status, and says why', async () => {
    const parameters = JSON.stringify({ yaml_pipeline: FAILING });
    const args = ['launch', 'Yaml_Template', '--parameters', parameters, '--wait'];
    const { status, stdout, stderr } = await server.sluice(args);
    assert.equal(status, 1);
    assert.match(stderr, /^sluice: .* \[ELEMENT_FAILED\]\n {2}Add `error_handling`/m);
    assert.match(stdout, /^FAILED {2}job /);
    assert.equal(stderr.split('is no time').length, 2, stderr);
    const { state, error } = await server.json(args);
    assert.deepEqual([state, error.code], ['FAILED', 'ELEMENT_FAILED']);
  });

  await t.test('a template that there is not is refused as everywhere', async () => {
    const { status, stderr } = await server.sluice(['launch', 'GCS_Text_to_GCS_Txt']);
    assert.equal(status, 2);
    assert.match(stderr, /TEMPLATE_NOT_FOUND/);
  });
});

test('a connection that is lost before the answer leaves open whether there is a job', async t => {
  const home = await temporaryFolder(t);
  const server = createServer((request, response) => {
    if (request.method === 'POST') request.socket.destroy();
    else response.writeHead(404, { 'content-type': 'application/json' }).end('{"error": {"message": "no"}}');
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const args = ['launch', COPY, '--job-name', 'perhaps', '--server', `http://127.0.0.1:${port}`];
  const { status, stderr } = await sluice(args, { home });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /: the connection was lost; job perhaps may have been launched all the same: look with `sluice jobs list --name perhaps` \[/,
  );
});

test('without a server the command says how to get one', async t => {
  const home = await temporaryFolder(t);
  const env = { SLUICE_SERVER: 'http://127.0.0.1:9' };
  const { status, stderr } = await sluice(['jobs', 'list'], { home, env });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^sluice: no answer from http:\/\/127\.0\.0\.1:9.*\[SERVER_UNREACHABLE\]\n.*sluice serve/,
  );
});

test('what an error quotes cannot command the terminal', async t => {
  const home = await temporaryFolder(t);
  const { stderr } = await sluice(['run', 'Word\u001b[2J'], { home });
  assert.match(stderr, /^sluice: .*Word\ufffd\[2J.* \[TEMPLATE_NOT_FOUND\]/);
});

test('a launch that cannot be meant is refused before a server is asked', async t => {
  const home = await temporaryFolder(t);
  const refused: [args: string[], says: RegExp][] = [
    [['launch', COPY, '--update'], /--update needs the --job-name/],
    [['launch', COPY, '--num-workers', '0'], /a whole number from 1 to 64/],
    [['launch', COPY, '--labels', 'team'], /--labels: "team" is not of the form name=value/],
    [['launch'], /missing required argument 'template'/],
    [['jobs', 'logs', 'J', '--severity', 'loud'], /Allowed choices are DEBUG, INFO, WARNING, ERROR/],
    [['jobs', 'list', '--status', 'lost'], /Allowed choices are active, ended, all/],
  ];
  for (const [args, says] of refused) {
    const { status, stderr } = await sluice(args, { home });
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, says);
  }
});
