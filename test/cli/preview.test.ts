import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sluice } from '../helpers/cli.ts';
import { killService } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const UDF = `function f(payload) {
  if (payload === 'skip') return null;
  if (payload === 'bad') throw new Error('no good');
  return payload.toUpperCase();
}`;

test('a preview shows each element before and after the UDF, and writes nothing', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'in.txt'), 'one\nskip\nbad\nnot shown\n');
  await writeFile(join(folder, 'udf.js'), UDF);
  const parameters =
    'inputFilePattern=in.txt,outputDirectory=out,javascriptTextTransformGcsPath=udf.js,javascriptTextTransformFunctionName=f';
  const args = ['preview', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--elements', '3'];
  const { status, stdout } = await sluice(args, { home: join(folder, 'home'), cwd: folder });
  assert.equal(status, 0);
  const path = join(folder, 'in.txt');
  assert.equal(
    stdout,
    `1  ${path}:0\n  in        one\n  out       ONE  -> Write\n\n` +
      `2  ${path}:4\n  in        skip\n  filtered  by Udf\n\n` +
      `3  ${path}:9\n  in        bad\n  error     Error: no good [UDF_THREW, Udf]\n            at f (udf.js:3:32)\n`,
  );
  const json = await sluice([...args, '--json'], { home: join(folder, 'home'), cwd: folder });
  const [first, second, third] = JSON.parse(json.stdout);
  assert.deepEqual(first.outputs, [{ sink: 'Write', payload: 'ONE' }]);
  assert.deepEqual(second.filteredBy, ['Udf']);
  assert.equal(third.failures[0].code, 'UDF_THREW');
  assert.deepEqual((await readdir(folder)).sort(), ['in.txt', 'udf.js']);
});

test('a preview of a subscription takes nothing out of it', async t => {
  const folder = await temporaryFolder(t);
  const home = join(folder, 'home');
  t.after(() => killService({ home }));
  await sluice(['pubsub', 'create', 'orders', '--subscription', 'orders'], { home });
  await sluice(['pubsub', 'publish', 'orders'], { home, input: 'a\nb\n' });
  const parameters = `inputSubscription=projects/local/subscriptions/orders,outputDirectory=${join(folder, 'out')}`;
  for (let i = 0; i < 2; i++) {
    const { stdout } = await sluice(
      ['preview', 'Cloud_PubSub_to_GCS_Text', '--parameters', parameters, '--elements', '2', '--json'],
      { home },
    );
    assert.deepEqual(
      JSON.parse(stdout).map((each: { input: string }) => each.input),
      ['a', 'b'],
    );
  }
  const { stdout } = await sluice(['pubsub', 'pull', 'orders', '--ack'], { home });
  assert.deepEqual(stdout.match(/^.*[ab]$/gm)?.length, 2);
});

test('a preview refuses what a run would refuse', async t => {
  const folder = await temporaryFolder(t);
  const { status, stderr } = await sluice(
    [
      'preview',
      'GCS_Text_to_GCS_Text',
      '--parameters',
      'inputFilePattern=/nowhere/in.txt,outputDirectory=out',
    ],
    { home: folder },
  );
  assert.equal(status, 2);
  assert.match(stderr, /there is no file \/nowhere\/in\.txt \[INPUT_NOT_FOUND\]/);
});
