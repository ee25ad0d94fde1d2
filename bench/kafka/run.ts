/** The clients against each other, and Kafka to files and to Kafka against the fastest plain loop over one of them. */
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectKafka } from '../../src/connectors/kafka/client.ts';
import { Producer } from '../../src/connectors/kafka/producer.ts';
import { RecordSetBuilder, sizeOf } from '../../src/connectors/kafka/record-batch.ts';
import { topicsOf } from '../../test/helpers/kafka.ts';
import { startKafka } from '../../test/services/kafka.ts';
import { type Measured, measure, tell } from '../measure.ts';
import { requireSameLines } from '../same-lines.ts';
import { makeElements } from '../udf/elements.ts';

const RECORDS = Number(process.env.RECORDS ?? 2_000_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const root = join(import.meta.dirname, '../..');
// Memory, so that the disk does not hide what the programs cost.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
const lifetime = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };

const kafka = await startKafka(lifetime);
try {
  const topics = await topicsOf({ after: lifetime.after }, kafka.address);
  const input = await topics.make();
  await fill(input);

  for (const work of ['write', 'read'])
    for (const client of ['kafkajs', 'platformatic']) {
      const runs = await repeat(async () =>
        plain(work, client, work === 'write' ? await topics.make() : input),
      );
      tell(`${client}, ${work}`, runs, RECORDS);
    }

  for (const udf of ['', 'udf']) {
    const output = join(folder, 'plain');
    const rates: number[] = [];
    for (const client of ['kafkajs', 'platformatic']) {
      const runs = await repeat(() => plain('read', client, input, output, udf));
      rates.push(tell(`${client} to a file${udf && ', function'}`, runs, RECORDS));
    }
    const ours = await repeat(() => sluice(pipelineOf(input, 'file', udf)));
    const rate = tell(`sluice to a file${udf && ', function'}`, ours, RECORDS);
    await requireSameLines(output, join(folder, 'out-*'));
    const ratio = rate / Math.max(...rates);
    console.log(`   speed ratio ${ratio.toFixed(2)}${udf ? '' : ' (target at least 0.8)'}`);
  }
  const copies = await repeat(async () => sluice(pipelineOf(input, await topics.make(), '')));
  tell('sluice to Kafka, exactly once', copies, RECORDS);
} finally {
  for (const each of cleanups.reverse()) await each();
}
process.exit(0);

async function repeat(run: () => Promise<Measured>): Promise<Measured[]> {
  const runs: Measured[] = [];
  for (let i = 0; i < ROUNDS; i++) runs.push(await run());
  return runs;
}

function plain(...args: string[]): Promise<Measured> {
  const [work = '', client = '', topic = '', output = '', udf = ''] = args;
  const script = join(import.meta.dirname, 'plain.js');
  return measure(process.execPath, [
    script,
    work,
    client,
    kafka.address,
    topic,
    String(RECORDS),
    output,
    udf,
  ]);
}

function sluice(pipeline: string): Promise<Measured> {
  for (const path of globSync(join(folder, 'out-*'))) rmSync(path);
  const parameters = JSON.stringify({ yaml_pipeline: pipeline });
  const args = ['run', 'Yaml_Template', '--json', '--parameters', parameters];
  return measure(join(root, 'bin/sluice'), args, { SLUICE_HOME: join(folder, 'home') });
}

function pipelineOf(input: string, output: string, udf: string): string {
  const server = `bootstrap_servers: "${kafka.address}"`;
  const read = `{topic: ${input}, ${server}, auto_offset_reset_config: earliest, stop_at_end: true}`;
  const lines = [
    'pipeline:',
    '  type: chain',
    '  transforms:',
    '    - type: ReadFromKafka',
    `      config: ${read}`,
  ];
  if (udf)
    lines.push(
      '    - type: JavaScriptUdf',
      `      config: {path: ${join(root, 'bench/files/udf.js')}, function: transform}`,
    );
  if (output === 'file')
    lines.push('    - type: WriteToText', `      config: {path: ${join(folder, 'out-')}}`);
  else
    lines.push(
      '    - type: WriteToKafka',
      `      config: {topic: ${output}, ${server}, keep_metadata: true}`,
    );
  return `${lines.join('\n')}\n`;
}

/** Through our own producer, which is the fastest to hand. */
async function fill(topic: string): Promise<void> {
  const client = await connectKafka({ bootstrap_servers: kafka.address }, { home: folder });
  const partitions = await client.partitionsOf(topic);
  const producer = new Producer(client, topic);
  const values = makeElements(1000, 20_000).map(text => Buffer.from(text));
  const builders = partitions.map(partition => new RecordSetBuilder(partition));
  for (let i = 0; i < RECORDS; i++) {
    const value = values[i % values.length] ?? null;
    const message = { key: Buffer.from(String(i)), value, headers: [], time: Date.now() };
    builders[i % builders.length]?.add(message, sizeOf(message));
    if (i % 1000 !== 999) continue;
    for (const builder of builders)
      if (builder.bytes > 0) await producer.send([await builder.finish('none')]);
  }
  await client.close();
}
