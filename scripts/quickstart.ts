/**
 * `npm run quickstart`: the main job on real records. 200,000 flights and 10,000 bird strikes go to a topic of the
 * embedded Pub/Sub; `Cloud_PubSub_to_GCS_Text` reads them, sends each through `udfs/aviation`, and writes files.
 */
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { styleText } from 'node:util';
import { describeSummary } from '../src/cli/live.ts';
import { publish } from '../src/cli/pubsub-publish.ts';
import { loadConfig } from '../src/config.ts';
import { totalsOf } from '../src/engine/counters.ts';
import { runForeground } from '../src/jobs/foreground.ts';
import type { JobSummary } from '../src/jobs/job.ts';
import { launchForeground } from '../src/launch/foreground.ts';
import { prepareJob } from '../src/launch/prepare.ts';
import { openStore } from '../src/store/store.ts';

const root = dirname(import.meta.dirname);
const folder = join(root, 'quickstart');
const records = join(folder, 'records.ndjson');
const TOPIC = 'projects/local/topics/aviation';
const parameters = {
  inputTopic: TOPIC,
  outputDirectory: join(folder, 'out/'),
  outputFilenamePrefix: 'events-',
  outputFilenameSuffix: '.ndjson',
  windowDuration: '2s',
  javascriptTextTransformGcsPath: 'udf://aviation',
  javascriptTextTransformFunctionName: 'aviation',
};

rmSync(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const count = await writeRecords();

say('1', `start the job, which makes the topic and reads it:\n   ${command()}`);
const config = loadConfig();
const prepared = await prepareJob(config, { templateId: 'Cloud_PubSub_to_GCS_Text', parameters });
const home = { config, store: openStore(config) };
await launchForeground(home, prepared);
const started = Date.now();
const running = Promise.withResolvers<void>();
const allRead = Promise.withResolvers<void>();
const run = runForeground(home, prepared, {
  onRunning: running.resolve,
  onProgress: ({ counters }) => {
    const { read, written, filtered, deadLettered } = totalsOf(prepared.graph, counters).elements;
    if (read === count && written + filtered + deadLettered === count) allRead.resolve();
  },
  onMessage: ({ severity, text }) => severity !== 'DEBUG' && process.stderr.write(`   ${text}\n`),
});
await Promise.race([running.promise, run.ended]);
process.stdout.write(`   running after ${((Date.now() - started) / 1000).toFixed(2)} s\n`);

say(
  '2',
  `publish ${count.toLocaleString('en-US')} records:  bin/sluice pubsub publish ${TOPIC} quickstart/records.ndjson`,
);
const publishing = Date.now();
await publish(TOPIC, records, {});
await Promise.race([allRead.promise, run.ended]);
const seconds = (Date.now() - publishing) / 1000;
process.stdout.write(
  `   published, read, transformed and staged in ${seconds.toFixed(1)} s: ${Math.round(count / seconds).toLocaleString('en-US')} records/s\n`,
);

say('3', 'drain it, as Ctrl-C would');
run.drain();
const summary = await run.ended;
process.stdout.write(`\n${describeSummary({ ...summary, seconds })}`);
if (summary.state !== 'DRAINED') process.exit(1);
checkBooks(summary);
showFiles(summary.outputs);

say('next', 'try');
process.stdout.write(`   bin/sluice preview GCS_Text_to_GCS_Text --parameters ${previewParameters()}
   bin/sluice templates show Cloud_PubSub_to_GCS_Text
   bin/sluice udf test udfs/aviation
`);

/** Real data: the flights and bird strikes of the vega-datasets package, one JSON object a line. */
async function writeRecords(): Promise<number> {
  const data = join(root, 'node_modules/vega-datasets/data');
  const flights: unknown[] = JSON.parse(readFileSync(join(data, 'flights-200k.json'), 'utf8'));
  const [header = '', ...rows] = readFileSync(join(data, 'birdstrikes.csv'), 'utf8').trimEnd().split(/\r?\n/);
  const names = header.split(',');
  const strikes = rows.map(row => {
    const values = row.split(',');
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  });
  const lines = [...flights, ...strikes].map(record => JSON.stringify(record));
  await writeFile(records, `${lines.join('\n')}\n`);
  return lines.length;
}

function checkBooks({ elements: { read, written, filtered, deadLettered } }: JobSummary): void {
  const sum = written + filtered + deadLettered;
  const verdict = read === sum && read === count ? 'the books balance' : 'THE BOOKS DO NOT BALANCE';
  process.stdout.write(
    `  ${read} read = ${written} written + ${filtered} filtered + ${deadLettered} dead-lettered: ${verdict}\n`,
  );
  if (verdict !== 'the books balance') process.exitCode = 1;
}

function showFiles(outputs: readonly string[]): void {
  const good = outputs.find(path => !path.includes('/errors/'));
  const bad = outputs.find(path => path.includes('/errors/'));
  if (good) show('first lines', good, 3);
  if (bad) show('a dead letter', bad, 1);
}

function show(title: string, path: string, lines: number): void {
  const text = readFileSync(path, 'utf8').split('\n').slice(0, lines);
  process.stdout.write(
    `  ${title} of ${path.slice(root.length + 1)}\n${text.map(line => `    ${line.slice(0, 400)}\n`).join('')}`,
  );
}

function say(step: string, text: string): void {
  process.stdout.write(`\n${styleText('bold', step)}  ${text}\n`);
}

function command(): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value.replace(`${root}/`, '')}`);
  return `bin/sluice run Cloud_PubSub_to_GCS_Text --parameters \\\n     ${pairs.join(',\\\n     ')}`;
}

function previewParameters(): string {
  return 'inputFilePattern=quickstart/records.ndjson,outputDirectory=quickstart/preview,javascriptTextTransformGcsPath=udf://aviation,javascriptTextTransformFunctionName=aviation';
}
