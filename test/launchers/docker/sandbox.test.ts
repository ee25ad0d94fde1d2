import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { openContainers } from './containers.ts';

const skip = missing('docker');
const engine = shared(startDocker);

/** What user code can do to its process, and what becomes of the element. */
const FAULTS: [word: string, code: string, body: string][] = [
  ['loop', 'UDF_TIMEOUT', 'for (;;);'],
  ['memory', 'UDF_MEMORY', 'const held = []; for (;;) held.push(new Array(1e5).fill(held.length));'],
  ['buffer', 'UDF_THREW', 'const held = []; for (;;) held.push(new Uint8Array(1 << 24).fill(1));'],
  ['deep', 'UDF_THREW', 'const deep = () => deep() + 1; deep();'],
  ['reach', 'UDF_THREW', 'process.exit(1);'],
  ['require', 'UDF_THREW', "require('node:fs');"],
  ['large', 'UDF_OUTPUT_TOO_LARGE', "return 'x'.repeat(20 << 20);"],
];

test('what user code does to its process makes a dead letter of one element, in a container too', {
  skip,
}, async t => {
  const all = await openContainers(t, await engine());
  const { folder, launch, until } = all;
  const words = FAULTS.flatMap(([word], i) => [`good-${i}`, word]);
  await writeFile(join(folder, 'in.txt'), words.map(word => `${word}\n`).join(''));
  const cases = FAULTS.map(([word, , body]) => `if (payload === '${word}') { ${body} }`).join('\n');
  await writeFile(join(folder, 'udf.js'), `function f(payload) {\n${cases}\nreturn payload.toUpperCase(); }`);
  const parameters = {
    inputFilePattern: join(folder, 'in.txt'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'f',
    udfMemoryMb: '64',
  };
  const { id } = await launch({ templateId: 'GCS_Text_to_GCS_Text', parameters }, ['memory=1GiB']);
  const { state, result, restarts } = await until(id, 'DONE', 'FAILED');
  assert.equal(state, 'DONE', JSON.stringify(result?.error));
  assert.equal(restarts, 0);
  const letters = globSync(join(folder, 'out/errors/*')).flatMap(file =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line)),
  );
  const codes = Object.fromEntries(letters.map(({ payload, code }) => [payload, code]));
  assert.deepEqual(codes, Object.fromEntries(FAULTS.map(([word, code]) => [word, code])));
  assert.deepEqual(result?.elements, {
    read: words.length,
    written: FAULTS.length,
    filtered: 0,
    deadLettered: FAULTS.length,
  });
  await all.assertNothingLeft();
});
