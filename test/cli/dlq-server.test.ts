import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sluice } from '../helpers/cli.ts';
import { startServer } from '../helpers/server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('dead letters of a server’s job are listed, shown and replayed from the command line', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'in.txt'), 'one\nbad\ntwo\n');
  await writeFile(
    join(folder, 'f.js'),
    'function f(x) { if (x === "bad") throw new Error("no"); return x; }',
  );
  await writeFile(join(folder, 'mended.js'), 'function f(x) { return x; }');
  const server = await startServer(t, { maxJobs: 2, config: { roots: [folder] } });
  // Nothing of the job is in the home of the command line.
  const run = (...args: string[]) =>
    sluice(args, { home: join(folder, 'home'), cwd: folder, env: { SLUICE_SERVER: server.url } });
  const parameters = {
    inputFilePattern: 'in.txt',
    outputDirectory: 'out',
    javascriptTextTransformGcsPath: 'f.js',
    javascriptTextTransformFunctionName: 'f',
  };
  const launched = await run(
    ...['launch', 'GCS_Text_to_GCS_Text', '--parameters', JSON.stringify(parameters), '--wait', '--json'],
  );
  assert.equal(launched.status, 0, launched.stdout + launched.stderr);
  const { jobId, elements } = JSON.parse(launched.stdout);
  assert.equal(elements.deadLettered, 1, launched.stderr);
  const list = await run('dlq', 'list', jobId);
  assert.match(list.stdout, /^1 dead letters of job .*, 1 of them wait for a replay\n/);
  const show = JSON.parse((await run('dlq', 'show', jobId, '--json')).stdout);
  assert.deepEqual(
    show.letters.map(({ payload }: { payload: string }) => payload),
    ['bad'],
  );
  const replayed = await run('dlq', 'replay', jobId, '--udf', 'mended.js', '--json');
  assert.equal(replayed.status, 0, replayed.stderr);
  assert.partialDeepStrictEqual(JSON.parse(replayed.stdout), {
    replayOf: jobId,
    state: 'DONE',
    elements: { read: 1, written: 1, deadLettered: 0 },
  });
  const lines = globSync(join(folder, 'out/output*')).flatMap(path =>
    readFileSync(path, 'utf8').trim().split('\n'),
  );
  assert.deepEqual(lines.sort(), ['bad', 'one', 'two']);
  const again = await run('dlq', 'replay', jobId);
  assert.match(again.stdout, /nothing to replay: the letter was replayed before/);
  const absent = await run('dlq', 'list', 'absent');
  assert.equal(absent.status, 2);
  assert.match(absent.stderr, /\[JOB_NOT_FOUND\]/);
});
