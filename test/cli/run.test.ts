import assert from 'node:assert/strict';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sluice } from '../helpers/cli.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const FUNCTION = 'function f(payload) { return payload === "bad" ? undeclared : payload.toUpperCase(); }';

/** A folder with `in.txt` and `udf.js`, and the template's parameters for them, some of them changed. */
async function prepare(folder: string, changed: Record<string, string | undefined> = {}): Promise<string> {
  await writeFile(join(folder, 'in.txt'), 'one\nbad\ntwo\n');
  await writeFile(join(folder, 'udf.js'), FUNCTION);
  const parameters = {
    inputFilePattern: join(folder, 'in.txt'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'f',
    ...changed,
  };
  return JSON.stringify(parameters);
}

test('a run prints its summary, and its files hold the results and the dead letters', async t => {
  const folder = await temporaryFolder(t);
  const args = ['run', 'GCS_Text_to_GCS_Text', '--parameters', await prepare(folder), '--json'];
  const { status, stdout, stderr } = await sluice(args, { home: join(folder, 'home') });
  assert.equal(status, 0);
  assert.equal(stderr, '');
  const summary = JSON.parse(stdout);
  assert.deepEqual(summary.elements, { read: 3, written: 2, filtered: 0, deadLettered: 1 });
  assert.deepEqual(summary.bytes, { read: 9, written: 6 });
  assert.deepEqual(summary.errors, { UDF_THREW: 1 });
  assert.equal(summary.state, 'DONE');
  assert.equal(summary.templateId, 'GCS_Text_to_GCS_Text');
  assert.match(summary.jobId, /^\d{4}-\d\d-\d\d_\d\d_\d\d_\d\d-\d+$/);
  const [output, deadLetters] = summary.outputs;
  assert.equal(await readFile(output, 'utf8'), 'ONE\nTWO\n');
  const envelope = JSON.parse(await readFile(deadLetters, 'utf8'));
  assert.partialDeepStrictEqual(envelope, {
    code: 'UDF_THREW',
    payload: 'bad',
    job: summary.jobId,
    position: `${join(folder, 'in.txt')}:4`,
  });
  assert.match(envelope.message, /undeclared is not defined/);
});

test('without --json the summary is for people', async t => {
  const folder = await temporaryFolder(t);
  const args = ['run', 'GCS_Text_to_GCS_Text', '--parameters', await prepare(folder)];
  const { stdout } = await sluice(args, { home: join(folder, 'home') });
  assert.match(
    stdout,
    /^DONE {2}job .* elements\/s\n {2}read +3 +9 B\n {2}written +2 +6 B\n {2}filtered +0\n {2}dead-lettered +1 +UDF_THREW 1\n/,
  );
});

interface BadInput {
  name: string;
  template?: string;
  changed?: Record<string, string | undefined>;
  files?: Record<string, string>;
  status: number;
  code: string;
  /** Must stand in what stderr says. */
  says: RegExp;
}

const badInputs: BadInput[] = [
  {
    name: 'no such template',
    template: 'GCS_Text_to_GCS_Txt',
    status: 2,
    code: 'TEMPLATE_NOT_FOUND',
    says: /did you mean GCS_Text_to_GCS_Text\?/,
  },
  {
    name: 'a missing parameter',
    changed: { outputDirectory: undefined },
    status: 2,
    code: 'PARAMETERS_INVALID',
    says: /outputDirectory: /,
  },
  {
    name: 'an unknown parameter',
    changed: { outputDirectori: 'x' },
    status: 2,
    code: 'PARAMETERS_INVALID',
    says: /outputDirectori: .*outputDirectory/,
  },
  {
    name: 'a wrong parameter',
    changed: { numShards: 'many' },
    status: 2,
    code: 'PARAMETERS_INVALID',
    says: /numShards: /,
  },
  {
    name: 'an input that is not there',
    changed: { inputFilePattern: '/nowhere/in.txt' },
    status: 2,
    code: 'INPUT_NOT_FOUND',
    says: /there is no file \/nowhere\/in\.txt/,
  },
  {
    name: 'a folder as input',
    changed: { inputFilePattern: '/usr' },
    status: 2,
    code: 'INPUT_UNREADABLE',
    says: /\/usr is a folder/,
  },
  {
    name: 'a UDF that does not parse',
    files: { 'udf.js': 'function f(payload) {\n  return payload..x;\n}' },
    status: 2,
    code: 'UDF_SYNTAX',
    says: /udf\.js:2:18: Unexpected token '\.'/,
  },
  {
    name: 'a function that is not there',
    changed: { javascriptTextTransformFunctionName: 'g' },
    status: 2,
    code: 'UDF_FUNCTION_MISSING',
    says: /g/,
  },
  {
    name: 'a script that is not there',
    changed: { javascriptTextTransformGcsPath: '/nowhere/udf.js' },
    status: 2,
    code: 'UDF_NOT_FOUND',
    says: /\/nowhere\/udf\.js/,
  },
  {
    name: 'a script that loops while it is loaded',
    files: { 'udf.js': 'for (;;);\nfunction f() {}' },
    changed: { udfTimeoutMs: '200' },
    status: 2,
    code: 'UDF_LOAD_FAILED',
    says: /udf\.js/,
  },
  {
    name: 'an output that cannot be written',
    changed: { outputDirectory: '/dev/null/out' },
    status: 2,
    code: 'OUTPUT_UNWRITABLE',
    says: /\/dev\/null\/out\/output cannot be written: ENOTDIR/,
  },
  {
    name: 'a device as input',
    changed: { inputFilePattern: '/dev/zero' },
    status: 2,
    code: 'INPUT_UNREADABLE',
    says: /\/dev\/zero is not a regular file/,
  },
  {
    name: 'an output where the system makes no folders',
    changed: { outputDirectory: '/proc/sluice/out' },
    status: 2,
    code: 'OUTPUT_UNWRITABLE',
    says: /\/proc\/sluice\/out\/output cannot be written: ENOENT/,
  },
  {
    name: 'fewer shards than workers',
    changed: { numShards: '1', numWorkers: '2' },
    status: 2,
    code: 'PARAMETERS_INVALID',
    says: /1 shards cannot be shared by 2 workers/,
  },
];

for (const {
  name,
  template = 'GCS_Text_to_GCS_Text',
  changed,
  files = {},
  status,
  code,
  says,
} of badInputs) {
  test(`${name} is refused with ${code}, in words and in JSON, and nothing is written`, async t => {
    const folder = await temporaryFolder(t);
    const args = ['run', template, '--parameters', await prepare(folder, changed)];
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    const told = await sluice(args, { home: join(folder, 'home') });
    assert.equal(told.status, status);
    const words = told.stderr + told.stdout;
    assert.match(words, says);
    assert.ok(words.includes(`[${code}]`), words);
    assert.doesNotMatch(words, /\n\s+at .*\.ts:\d/);
    const json = await sluice([...args, '--json'], { home: join(folder, 'home') });
    assert.equal(json.status, status);
    assert.equal(JSON.parse(json.stdout).error.code, code);
    assert.deepEqual(
      (await readdir(folder)).filter(each => each === 'out'),
      [],
    );
  });
}

const badUsages: [string[], RegExp][] = [
  [['run'], /name a template, or give a --pipeline/],
  [['run', 'A', '--pipeline', 'p.yaml'], /not both/],
  [['run', 'Word', '--parameters', 'nothing'], /"nothing" is not of the form name=value/],
  [['run', 'Word', '--parameters', '{"a":'], /the JSON object is not valid JSON/],
  [['run', 'Word', '--parameters', '@/nowhere.json'], /\/nowhere\.json cannot be read/],
  [['run', '--pipeline', '/nowhere.yaml'], /the pipeline \/nowhere\.yaml: there is no such file/],
  [['run', 'Word', '--num-workers', '0'], /a whole number from 1 to 64/],
  [['rum'], /unknown command 'rum'.*\n.*Did you mean run\?/],
  [['resume', '../../etc/passwd'], /is not the id of a job/],
  [['resume', '2026-01-01_00_00_00-1'], /there is no job/],
];
for (const [args, says] of badUsages) {
  test(`sluice ${args.join(' ')} ends with status 2`, async t => {
    const { status, stderr } = await sluice(args, { home: await temporaryFolder(t) });
    assert.equal(status, 2);
    assert.match(stderr, says);
  });
}

test('a pipeline with a cycle is refused by the names on its way', async t => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'cycle.yaml');
  await writeFile(
    file,
    'pipeline:\n  transforms:\n    - {type: Flatten, name: A, input: B}\n    - {type: Flatten, name: B, input: A}\n',
  );
  const { status, stderr } = await sluice(['run', '--pipeline', file], { home: folder });
  assert.equal(status, 2);
  assert.match(stderr, /cycle\.yaml:3:\d+: a cycle: [AB] -> [AB] -> [AB]/);
});

test('a pipeline with a number that JSON has not is refused before anything runs', async t => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'create.yaml');
  await writeFile(
    file,
    `pipeline:
  type: chain
  transforms:
    - {type: Create, config: {elements: [1, {a: .inf}]}}
    - {type: WriteToJson, config: {path: ${join(folder, 'out', 'rows')}}}
`,
  );
  const { status, stderr } = await sluice(['run', '--pipeline', file], { home: join(folder, 'home') });
  assert.equal(status, 2);
  assert.match(stderr, /create\.yaml:4:\d+: Create: element 2 holds Infinity, which JSON cannot express/);
  assert.match(stderr, /PIPELINE_INVALID/);
  assert.deepEqual(await readdir(folder), ['create.yaml']);
});

test('bytes that are no UTF-8 pass unharmed without a UDF, and with one become a dead letter with their bytes', async t => {
  const folder = await temporaryFolder(t);
  const bytes = Buffer.from([0x61, 0xff, 0xc3, 0x0a, 0x62, 0x0a]);
  const plain = await prepare(folder, {
    javascriptTextTransformGcsPath: undefined,
    javascriptTextTransformFunctionName: undefined,
  });
  await writeFile(join(folder, 'in.txt'), bytes);
  const run = (parameters: string) =>
    sluice(['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--json'], {
      home: join(folder, 'home'),
    });
  const [copied] = JSON.parse((await run(plain)).stdout).outputs;
  assert.deepEqual(await readFile(copied), bytes);
  const withUdf = await prepare(folder);
  await writeFile(join(folder, 'in.txt'), bytes);
  const summary = JSON.parse((await run(withUdf)).stdout);
  assert.deepEqual(summary.errors, { UDF_INPUT_NOT_UTF8: 1 });
  const envelope = JSON.parse(await readFile(summary.outputs[1], 'utf8'));
  assert.equal(envelope.payloadBase64, bytes.subarray(0, 3).toString('base64'));
});

test('an empty file is read to its end', async t => {
  const folder = await temporaryFolder(t);
  const parameters = await prepare(folder);
  await truncate(join(folder, 'in.txt'));
  const { status, stdout } = await sluice(
    ['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--json'],
    { home: join(folder, 'home') },
  );
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout).elements, { read: 0, written: 0, filtered: 0, deadLettered: 0 });
});

test('a line of 50 MB is one element: written whole, or a dead letter when the UDF cannot hold it', async t => {
  const folder = await temporaryFolder(t);
  const long = `"${'z'.repeat(50_000_000)}"`;
  for (const [source, expected] of [
    ['function f(payload) { return payload.length > 100 ? payload.slice(0, 10) : payload; }', 'written'],
    ['function f(payload) { return payload + payload; }', 'UDF_OUTPUT_TOO_LARGE'],
  ] as const) {
    const parameters = await prepare(folder);
    await writeFile(join(folder, 'in.txt'), `"a"\n${long}\n"b"\n`);
    await writeFile(join(folder, 'udf.js'), source);
    const { stdout } = await sluice(['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--json'], {
      home: join(folder, 'home'),
    });
    const summary = JSON.parse(stdout);
    assert.equal(summary.state, 'DONE');
    const isWritten = expected === 'written';
    assert.deepEqual(summary.elements, {
      read: 3,
      written: isWritten ? 3 : 2,
      filtered: 0,
      deadLettered: isWritten ? 0 : 1,
    });
    if (!isWritten) assert.deepEqual(summary.errors, { [expected]: 1 });
  }
  const copy = await prepare(folder, {
    javascriptTextTransformGcsPath: undefined,
    javascriptTextTransformFunctionName: undefined,
  });
  await writeFile(join(folder, 'in.txt'), `${long}\nend`);
  const { stdout } = await sluice(['run', 'GCS_Text_to_GCS_Text', '--parameters', copy, '--json'], {
    home: join(folder, 'home'),
  });
  assert.equal(await readFile(JSON.parse(stdout).outputs[0], 'utf8'), `${long}\nend\n`);
});

test('on a full disk the job fails with DISK_FULL, and resumes when there is room', async t => {
  const disk = await smallDisk(t, '4m');
  if (disk === undefined) return;
  const folder = await temporaryFolder(t);
  const parameters = await prepare(folder, {
    outputDirectory: join(disk, 'out'),
    javascriptTextTransformGcsPath: undefined,
    javascriptTextTransformFunctionName: undefined,
  });
  const lines = `${'0123456789'.repeat(10)}\n`.repeat(50_000);
  await writeFile(join(folder, 'in.txt'), lines);
  const env = { SLUICE_CHECKPOINT_MS: '5' };
  const failed = await sluice(['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--json'], {
    home: join(folder, 'home'),
    env,
  });
  assert.equal(failed.status, 1);
  const { error, jobId } = JSON.parse(failed.stdout);
  assert.equal(error.code, 'DISK_FULL');
  await grow(disk);
  const resumed = await sluice(['resume', jobId, '--json'], { home: join(folder, 'home') });
  assert.equal(resumed.status, 0, resumed.stderr);
  assert.equal(await readFile(JSON.parse(resumed.stdout).outputs[0], 'utf8'), lines);
  const again = await sluice(['resume', jobId], { home: join(folder, 'home') });
  assert.equal(again.status, 2);
  assert.match(again.stderr, /is DONE: there is nothing to resume/);
});

async function grow(disk: string): Promise<void> {
  const { execFileSync } = await import('node:child_process');
  execFileSync('mount', ['-o', 'remount,size=100m', disk]);
}

test('the same input split over three workers gives the same lines', async t => {
  const folder = await temporaryFolder(t);
  const parameters = await prepare(folder);
  const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i} ${'y'.repeat(i % 80)}`);
  await writeFile(join(folder, 'in.txt'), lines.join('\n'));
  const args = ['run', 'GCS_Text_to_GCS_Text', '--parameters', parameters, '--num-workers', '3', '--json'];
  const { stdout } = await sluice(args, { home: join(folder, 'home') });
  const summary = JSON.parse(stdout);
  assert.equal(summary.elements.written, lines.length);
  assert.deepEqual(
    summary.outputs.map((path: string) => path.slice(-21)),
    ['put-00000-of-00003.txt', 'put-00001-of-00003.txt', 'put-00002-of-00003.txt'].map(each =>
      each.slice(-21),
    ),
  );
  const written = await Promise.all(summary.outputs.map((path: string) => readFile(path, 'utf8')));
  assert.equal(written.join(''), lines.map(line => `${line.toUpperCase()}\n`).join(''));
});
