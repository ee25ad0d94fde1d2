import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DeadLetter } from '../../src/engine/dead-letter.ts';
import { sluice, startSluice } from '../helpers/cli.ts';
import { acknowledge, clientsHere, configHere, makeTopic, publish, pullCount } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const RECORDS = 1000;
const isBad = (id: number): boolean => id % 10 === 0;
const BROKEN = `function f(payload) {
  const record = JSON.parse(payload);
  if (record.id % 10 === 0) record.missing.field = 1;
  return payload;
}`;
const MENDED = 'function f(payload) { return payload; }';
/** Of the 100 bad records it still fails 40. */
const HALF_MENDED = `function g(payload) {
  const { id } = JSON.parse(payload);
  if (id % 10 === 0 && id % 50 < 20) throw new Error('still ' + id);
  return payload;
}`;

interface Bench {
  folder: string;
  jobId: string;
  /** Runs `sluice` and gives what it printed as JSON. */
  json(...args: string[]): Promise<{ status: number | null; said: ReturnType<typeof JSON.parse> }>;
  words(...args: string[]): Promise<string>;
}

/** A job of which 100 of 1,000 records have failed. */
async function failedJob(t: TestContext, changed: Record<string, string> = {}): Promise<Bench> {
  const folder = await temporaryFolder(t);
  const lines = Array.from({ length: RECORDS }, (_, id) => JSON.stringify({ id, text: `ünï ${id}` }));
  await writeFile(join(folder, 'in.ndjson'), `${lines.join('\n')}\n`);
  await writeFile(join(folder, 'broken.js'), BROKEN);
  await writeFile(join(folder, 'mended.js'), MENDED);
  await writeFile(join(folder, 'half.js'), HALF_MENDED);
  const parameters = {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(folder, 'broken.js'),
    javascriptTextTransformFunctionName: 'f',
    ...changed,
  };
  const home = join(folder, 'home');
  const json = async (...args: string[]) => {
    const { status, stdout, stderr } = await sluice([...args, '--json'], { home, cwd: folder });
    assert.ok(stdout.startsWith('{'), stderr);
    return { status, said: JSON.parse(stdout) };
  };
  const words = async (...args: string[]) => {
    const { stdout, stderr } = await sluice(args, { home, cwd: folder });
    return stdout + stderr;
  };
  const { said } = await json('run', 'GCS_Text_to_GCS_Text', '--parameters', JSON.stringify(parameters));
  assert.equal(said.state, 'DONE');
  return { folder, jobId: said.jobId, json, words };
}

const linesOf = (pattern: string): string[] =>
  globSync(pattern).flatMap(path => readFileSync(path, 'utf8').split('\n').slice(0, -1));
const idsOf = (lines: string[]): number[] => lines.map(line => JSON.parse(line).id).sort((a, b) => a - b);
const allIds = Array.from({ length: RECORDS }, (_, id) => id);

test('dead letters are listed, shown and replayed through a mended function, each once', async t => {
  const { folder, jobId, json, words } = await failedJob(t);

  const { said: listed } = await json('dlq', 'list', jobId);
  assert.equal(listed.deadLetters, 100);
  assert.equal(listed.waiting, 100);
  assert.partialDeepStrictEqual(listed.groups, [
    { code: 'UDF_THREW', transform: 'Udf', count: 100, waiting: 100 },
  ]);
  assert.match(listed.groups[0].message, /TypeError/);
  assert.deepEqual(listed.places, [join(folder, 'out/errors/error-*')]);
  const list = await words('dlq', 'list', jobId);
  assert.match(list, /^100 dead letters of job .*, 100 of them wait for a replay\n/);
  assert.match(list, /100 +100 +UDF_THREW +Udf +TypeError: /);

  const { said: shown } = await json('dlq', 'show', jobId, '--limit', '3');
  assert.equal(shown.letters.length, 3);
  assert.partialDeepStrictEqual(shown.letters[0], {
    job: jobId,
    source: 'Read',
    transform: 'Udf',
    attempts: 1,
  });
  const one = await words('dlq', 'show', jobId, shown.letters[1].id);
  assert.match(one, /\n {2}payload\n {4}\{\n {6}"id": 10,\n {6}"text": "ünï 10"\n {4}\}\n$/);
  assert.match(one, /\n {2}stack\n {4}at f \(broken\.js:3:/);

  const { said: replayed, status } = await json('dlq', 'replay', jobId, '--udf', 'mended.js');
  assert.equal(status, 0);
  assert.equal(replayed.state, 'DONE');
  assert.equal(replayed.replayOf, jobId);
  assert.notEqual(replayed.jobId, jobId);
  assert.deepEqual(replayed.elements, { read: 100, written: 100, filtered: 0, deadLettered: 0 });
  assert.deepEqual(idsOf(linesOf(join(folder, 'out/output*'))), allIds);
  assert.equal(linesOf(join(folder, 'out/output-00000-of-00001.txt')).length, 900);
  assert.equal(linesOf(join(folder, `out/*-replay-${replayed.jobId}.txt`)).length, 100);

  const { said: again } = await json('dlq', 'replay', jobId, '--udf', 'mended.js');
  assert.deepEqual(again, { replayOf: jobId, replayed: 0, replayedBefore: 100 });
  assert.match(
    await words('dlq', 'replay', jobId),
    /nothing to replay: all 100 letters were replayed before/,
  );
  const { said: after } = await json('dlq', 'list', jobId);
  assert.equal(after.waiting, 0);
  const { said: twice } = await json('dlq', 'replay', jobId, '--udf', 'mended.js', '--again');
  assert.equal(twice.elements.written, 100);
});

test('what fails again keeps its id, counts its attempts, and alone waits for the next replay', async t => {
  const { folder, jobId, json } = await failedJob(t);
  const before = (await json('dlq', 'show', jobId, '--limit', '100')).said.letters as DeadLetter[];
  const { said: first } = await json('dlq', 'replay', jobId, '--udf', 'half.js', '--function', 'g');
  assert.deepEqual(first.elements, { read: 100, written: 60, filtered: 0, deadLettered: 40 });
  const again = (await json('dlq', 'show', first.jobId, '--limit', '100')).said.letters as DeadLetter[];
  assert.equal(again.length, 40);
  const known = new Map(before.map(letter => [letter.id, letter]));
  for (const { id, attempts, job, message, payload, position } of again) {
    assert.equal(attempts, 2);
    assert.equal(job, first.jobId);
    assert.match(message, /still \d+/);
    assert.deepEqual([payload, position], [known.get(id)?.payload, known.get(id)?.position]);
  }
  const { said: listed } = await json('dlq', 'list', jobId);
  assert.deepEqual([listed.deadLetters, listed.waiting, listed.replays], [100, 40, [first.jobId]]);

  const parameters = `javascriptTextTransformGcsPath=${join(folder, 'mended.js')}`;
  const { said: second } = await json('dlq', 'replay', jobId, '--parameters', parameters);
  assert.deepEqual(second.elements, { read: 40, written: 40, filtered: 0, deadLettered: 0 });
  assert.deepEqual(idsOf(linesOf(join(folder, 'out/output*'))), allIds);
});

test('a replay of a replay takes its letters, and the limit of attempts ends the circle', async t => {
  const { jobId, json } = await failedJob(t);
  const { said: first } = await json('dlq', 'replay', jobId, '--udf', 'half.js', '--function', 'g');
  const { said: second } = await json('dlq', 'replay', first.jobId);
  assert.equal(second.replayOf, first.jobId);
  assert.deepEqual(second.elements, { read: 40, written: 0, filtered: 0, deadLettered: 40 });
  const { said: refused, status } = await json('dlq', 'replay', second.jobId, '--max-attempts', '3');
  assert.equal(status, 2);
  assert.equal(refused.error.code, 'REPLAY_REFUSED');
  assert.match(refused.error.message, /40 letters were tried 3 times or more: --max-attempts/);
});

test('a code and ids choose what is replayed', async t => {
  const { jobId, json, words } = await failedJob(t);
  const { said: shown } = await json('dlq', 'show', jobId, '--limit', '3');
  const [a, b, c] = shown.letters.map((letter: DeadLetter) => letter.id);
  const { said } = await json('dlq', 'replay', jobId, '--udf', 'mended.js', '--id', a, '--id', b);
  assert.equal(said.elements.written, 2);
  const third = ['dlq', 'replay', jobId, '--udf', 'mended.js', '--code', 'UDF_THREW', '--id', b, '--id', c];
  assert.equal((await json(...third)).said.elements.written, 1);
  const known = ['dlq', 'replay', jobId, '--id', b];
  assert.match(await words(...known), /^nothing to replay: the letter was replayed before; --again/);
  assert.equal((await json(...known)).status, 0);
  for (const [asked, name] of [
    [['--id', 'zzz'], 'zzz'],
    [['--id', c, '--id', 'zzz'], 'zzz'],
    [['--code', 'NOPE'], 'of the code NOPE'],
  ] as const) {
    const { status, said: refused } = await json('dlq', 'replay', jobId, ...asked);
    assert.equal(status, 2);
    assert.equal(refused.error.code, 'DEAD_LETTER_NOT_FOUND');
    assert.equal(refused.error.message, `job ${jobId} has no dead letter ${name}`);
  }
});

test('letters that the job has counted and that are no longer there are told', async t => {
  const { folder, jobId, json, words } = await failedJob(t);
  const [path = ''] = globSync(join(folder, 'out/errors/error-*.json'));
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  await writeFile(path, `${lines.slice(0, 60).join('\n')}\n`);
  const place = join(folder, 'out/errors/error-*');
  const warning = (found: number) =>
    `warning: job ${jobId} counted 100 dead letters, ${found} are found in ${place}: ` +
    'the files were moved, removed or replaced\n';
  const { said: listed, status } = await json('dlq', 'list', jobId);
  assert.deepEqual([status, listed.deadLetters], [1, 60]);
  assert.deepEqual(listed.missing, [
    {
      job: jobId,
      counted: 100,
      found: 60,
      places: [place],
      why: 'the files were moved, removed or replaced',
    },
  ]);
  assert.ok((await words('dlq', 'list', jobId, '--code', 'NOPE')).includes(warning(60)));

  const replayed = await words('dlq', 'replay', jobId, '--udf', 'mended.js');
  assert.ok(replayed.includes(warning(60)), replayed);
  assert.match(replayed, /written +60 /);
  await rm(path);
  assert.ok((await words('dlq', 'list', jobId)).includes(warning(0)));
  const nothing = await json('dlq', 'replay', jobId);
  assert.equal(nothing.status, 1);
  assert.partialDeepStrictEqual(nothing.said, { replayed: 0, missing: [{ counted: 100, found: 0 }] });
  assert.ok((await words('dlq', 'replay', jobId)).includes(warning(0)));
});

test('of two replays at once one takes the letters', async t => {
  const { folder, jobId, json } = await failedJob(t);
  const replay = () => json('dlq', 'replay', jobId, '--udf', 'mended.js');
  const both = await Promise.all([replay(), replay()]);
  const written = both.flatMap(({ said }) => said.elements?.written ?? []);
  assert.deepEqual(written, [100]);
  assert.equal(linesOf(join(folder, 'out/*-replay-*')).length, 100);
});

test('lines that are no dead letters are told one by one, and the letters among them are replayed', async t => {
  const { folder, jobId, json, words } = await failedJob(t);
  const [path = ''] = globSync(join(folder, 'out/errors/error-*.json'));
  const letter = JSON.parse((await readFile(path, 'utf8')).split('\n')[0] ?? '');
  const { size } = await stat(path);
  const garbage = [
    'no JSON \u001b[2J',
    '[]',
    JSON.stringify({ ...letter, id: 7 }),
    JSON.stringify({ ...letter, payload: undefined }),
    '{"__proto__": {"id": "x", "payload": "x", "attempts": 1}, "job": "x"}',
    JSON.stringify({ ...letter, id: 'proto', attempts: 1.5 }),
    `"${'x'.repeat(3_000_000)}"`,
  ];
  const hostile = `{"attributes": {"__proto__": "a", "constructor": "b"}, ${JSON.stringify({ ...letter, id: 'hostile' }).slice(1)}`;
  await appendFile(path, `${garbage.join('\n')}\n${hostile}\n{"torn`);
  await mkdir(join(folder, 'out/errors/error-folder.json'));
  const { said: listed } = await json('dlq', 'list', jobId);
  assert.equal(listed.deadLetters, 101);
  assert.equal(listed.faults.count, garbage.length + 1);
  assert.equal(listed.faults.first[0], `${path}:${size}: it is not JSON`);
  assert.match(listed.faults.first[4], /it has no id$/);
  assert.ok(!(await words('dlq', 'list', jobId)).includes('\u001b'));
  const { said: shown } = await json('dlq', 'show', jobId, 'hostile');
  assert.deepEqual(Object.entries(shown.letters[0].attributes), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  const { said } = await json('dlq', 'replay', jobId, '--udf', 'mended.js');
  assert.deepEqual(said.elements, { read: 101, written: 101, filtered: 0, deadLettered: 0 });
});

const refusals: [name: string, args: string[], says: RegExp][] = [
  ['an unknown letter', ['show', 'JOB', 'nobody'], /has no dead letter nobody \[DEAD_LETTER_NOT_FOUND\]/],
  ['an unknown job', ['list', '2026-01-01_00_00_00-1'], /there is no job/],
  ['a script that is not there', ['replay', 'JOB', '--udf', 'none.js'], /none\.js.*\[UDF_NOT_FOUND\]/],
  [
    'a parameter that is none',
    ['replay', 'JOB', '--parameters', 'outputDirectori=x'],
    /\[PARAMETERS_INVALID\]/,
  ],
];

test('what cannot be done is refused in one line, and a refused replay takes nothing', async t => {
  const { jobId, words, json } = await failedJob(t);
  for (const [name, args, says] of refusals) {
    const said = await words('dlq', ...args.map(arg => (arg === 'JOB' ? jobId : arg)));
    assert.match(said, says, name);
    assert.doesNotMatch(said, /\n\s+at .*\.ts:\d/);
  }
  assert.equal((await json('dlq', 'replay', jobId, '--udf', 'mended.js')).said.elements.written, 100);
});

test('a pipeline file is replayed too, and a job without dead letters says so', async t => {
  const { folder, json, words } = await failedJob(t);
  const pipeline = (extra: string) => `pipeline:
  type: chain
  transforms:
    - {type: ReadFromText, config: {path: ${folder}/in.ndjson}}
    - {type: JavaScriptUdf, config: {path: ${folder}/broken.js, error_handling: {output: bad}}}
    - {type: WriteToText, config: {path: ${folder}/plain/line}}
  extra_transforms:
    - {type: chain, input: JavaScriptUdf.bad, transforms: [${extra}]}
`;
  await writeFile(
    join(folder, 'p.yaml'),
    pipeline(`{type: EncodeDeadLetters}, {type: WriteToJson, config: {path: ${folder}/plain/bad}}`),
  );
  await writeFile(join(folder, 'q.yaml'), pipeline('{type: LogForTesting}'));
  await writeFile(join(folder, 'broken.js'), BROKEN.replace('function f', 'function process'));
  const { said } = await json('run', '--pipeline', 'p.yaml');
  assert.equal(said.elements.deadLettered, 100);
  const refused = await words('dlq', 'replay', said.jobId, '--parameters', 'a=b');
  assert.match(refused, /was launched without a template/);
  const mended = ['--udf', 'mended.js', '--function', 'f'];
  const { said: replayed } = await json('dlq', 'replay', said.jobId, ...mended);
  assert.equal(replayed.elements.written, 100);
  const { said: none } = await json('run', '--pipeline', 'q.yaml');
  assert.match(
    await words('dlq', 'list', none.jobId),
    /keeps no dead letters to look at.*\[REPLAY_REFUSED\]/,
  );
});

test('what failed on its way to a table is replayed too, and the table keeps what it has', async t => {
  const { folder, json, words } = await failedJob(t);
  const parameters = {
    inputFilePattern: join(folder, 'in.ndjson'),
    outputTable: 'local:shop.records',
    javascriptTextTransformGcsPath: join(folder, 'broken.js'),
    javascriptTextTransformFunctionName: 'f',
  };
  const { said } = await json('run', 'GCS_Text_to_BigQuery', '--parameters', JSON.stringify(parameters));
  assert.equal(said.elements.deadLettered, 100);
  const { said: listed } = await json('dlq', 'list', said.jobId);
  assert.deepEqual([listed.waiting, listed.places], [100, [`the folder of job ${said.jobId}`]]);
  const half = ['--udf', 'half.js', '--function', 'g'];
  const { said: first } = await json('dlq', 'replay', said.jobId, ...half);
  assert.deepEqual([first.elements.written, first.elements.deadLettered], [60, 40]);
  const { said: second } = await json('dlq', 'replay', said.jobId, '--udf', 'mended.js');
  assert.deepEqual([second.elements.written, second.elements.deadLettered], [40, 0]);
  const query = 'select count(*) as n, count(distinct id) as ids from shop.records';
  const rows = JSON.parse(await words('query', query, '--json'));
  assert.deepEqual(rows, [{ n: 1000, ids: 1000 }]);
});

test('letters of a topic are collected, and replayed with attributes, ids, times and keys', async t => {
  const config = await configHere(t);
  const clients = await clientsHere(t, config);
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'broken.js'), BROKEN);
  await writeFile(
    join(folder, 'echo.js'),
    `function f(payload, context) {
      if (payload === '{"id":20}' && context.attributes.n === '20') throw new Error('still');
      return JSON.stringify({ payload, context });
    }`,
  );
  const input = await makeTopic(clients);
  const output = await makeTopic(clients);
  const messages = Array.from({ length: 30 }, (_, id) => ({
    data: Buffer.from(`{"id":${id}}`),
    attributes: { n: String(id) },
    orderingKey: `key ${id}`,
  }));
  const messageIds = await publish(clients, input.topic, messages);
  const errors = input.topic.replace(/[^/]+$/, 'errors');
  const parameters = {
    inputSubscription: input.subscription,
    outputTopic: output.topic,
    outputDeadletterTopic: errors,
    javascriptTextTransformGcsPath: join(folder, 'broken.js'),
    javascriptTextTransformFunctionName: 'f',
  };
  const run = (...args: string[]) => sluice([...args, '--json'], { home: config.home, cwd: folder });
  const job = startSluice(
    ['run', 'Cloud_PubSub_to_Cloud_PubSub', '--parameters', JSON.stringify(parameters), '--json'],
    { home: config.home, cwd: folder },
  );
  await acknowledge(clients, output.subscription, await pullCount(clients, output.subscription, 27));
  job.child.kill('SIGINT');
  const { jobId, elements } = JSON.parse((await job.finished).stdout);
  assert.deepEqual(elements, { read: 30, written: 27, filtered: 0, deadLettered: 3 });

  const listed = JSON.parse((await run('dlq', 'list', jobId)).stdout);
  assert.deepEqual([listed.deadLetters, listed.waiting, listed.places], [3, 3, [errors]]);
  const replay = await run('dlq', 'replay', jobId, '--udf', 'echo.js');
  assert.deepEqual(JSON.parse(replay.stdout).elements, { read: 3, written: 2, filtered: 0, deadLettered: 1 });
  const received = await pullCount(clients, output.subscription, 2);
  for (const { message } of received) {
    const { payload, context } = JSON.parse(String(message?.data));
    const { id } = JSON.parse(payload);
    assert.ok(isBad(id));
    assert.deepEqual(message?.attributes, { n: String(id) });
    assert.partialDeepStrictEqual(context, {
      attributes: { n: String(id) },
      messageId: messageIds[id],
      key: `key ${id}`,
    });
    assert.ok(Date.now() - Date.parse(context.publishTime) < 60_000);
  }
  const last = JSON.parse((await run('dlq', 'list', jobId)).stdout);
  assert.deepEqual([last.deadLetters, last.waiting, last.missing], [3, 1, []]);
  const mended = await run('dlq', 'replay', jobId, '--udf', 'broken.js');
  assert.equal(JSON.parse(mended.stdout).elements.deadLettered, 1);
});
