/** Files and Kafka to OpenSearch, against the plainest bulk loop, without and with a function. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topicsOf } from '../../test/helpers/kafka.ts';
import { searchClient } from '../../test/helpers/opensearch.ts';
import { startKafka } from '../../test/services/kafka.ts';
import { startOpenSearch } from '../../test/services/opensearch.ts';
import { type Measured, measure, tell } from '../measure.ts';
import { makeElements } from '../udf/elements.ts';

const RECORDS = Number(process.env.RECORDS ?? 600_000);
const DISTINCT = 20_000;
const ROUNDS = Number(process.env.ROUNDS ?? 2);
const TARGET = 0.8;
const root = join(import.meta.dirname, '../..');
const udf = join(root, 'bench/files/udf.js');
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
const lifetime = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };

try {
  const input = join(folder, 'in.ndjson');
  const elements = makeElements(1000, DISTINCT);
  const lines = `${elements.join('\n')}\n`;
  for (let i = 0; i < RECORDS; i += DISTINCT) await appendFile(input, lines);
  const { url } = await startOpenSearch(lifetime);
  const client = searchClient(url);
  const kafka = await startKafka(lifetime);
  const topics = await topicsOf({ after: lifetime.after }, kafka.address);
  const topic = await topics.make();
  for (let i = 0; i < RECORDS; i += DISTINCT)
    await topics.send(
      topic,
      elements.map(value => ({ value })),
    );

  for (const source of ['file', 'kafka'])
    for (const withUdf of [false, true]) {
      const name = `${source === 'file' ? 'files' : 'Kafka'} to OpenSearch${withUdf ? ', function' : ''}`;
      const from = source === 'file' ? input : kafka.address;
      const plain: Measured[] = [];
      const withIds: Measured[] = [];
      const ours: Measured[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        for (const [ids, runs] of [
          ['', plain],
          ['ids', withIds],
        ] as const) {
          const index = await newIndex();
          const given = [source, from, topic, String(RECORDS), url, index, ids, withUdf ? 'udf' : ''];
          runs.push(await measure(process.execPath, [join(import.meta.dirname, 'plain.js'), ...given]));
          await requireAll(index);
        }
        const index = await newIndex();
        ours.push(await sluice(pipelineOf(source, topic, index, withUdf)));
        await requireAll(index);
      }
      const fastest = tell(`plain loop, ${name}`, plain, RECORDS);
      const fastestWithIds = tell('plain loop, with ids', withIds, RECORDS);
      const rate = tell(`sluice, ${name}`, ours, RECORDS);
      const target = withUdf ? '' : ` (target at least ${TARGET})`;
      console.log(
        `   speed ratio ${(rate / fastestWithIds).toFixed(2)}${target}, ${(rate / fastest).toFixed(2)} of the loop without ids`,
      );
    }

  /** Documents are kept and not searched: what is measured is how they come there. */
  async function newIndex(): Promise<string> {
    await client.request('DELETE', '/bench-*');
    const index = `bench-${Date.now()}`;
    const settings = { number_of_replicas: 0, refresh_interval: -1 };
    await client.request('PUT', `/${index}`, { settings, mappings: { enabled: false } });
    return index;
  }

  async function requireAll(index: string): Promise<void> {
    const count = await client.count(index);
    if (count !== RECORDS) throw new Error(`${index} has ${count} documents of ${RECORDS}`);
  }

  function pipelineOf(source: string, topic: string, index: string, withUdf: boolean): string {
    const read =
      source === 'file'
        ? ['ReadFromText', `{path: ${input}}`]
        : [
            'ReadFromKafka',
            `{topic: ${topic}, bootstrap_servers: "${kafka.address}", auto_offset_reset_config: earliest, stop_at_end: true}`,
          ];
    const stages = [
      read,
      ...(withUdf ? [['JavaScriptUdf', `{path: ${udf}, function: transform}`]] : []),
      ['ParseJson', '{}'],
      ['WriteToElasticsearch', `{url: "${url}", index: ${index}, action: CREATE}`],
    ];
    const yaml = stages.map(([type, config]) => `    - type: ${type}\n      config: ${config}\n`);
    return `pipeline:\n  type: chain\n  transforms:\n${yaml.join('')}`;
  }
} finally {
  for (const each of cleanups.reverse()) await each();
}
process.exit(0);

function sluice(pipeline: string): Promise<Measured> {
  const parameters = JSON.stringify({ yaml_pipeline: pipeline });
  const args = ['run', 'Yaml_Template', '--json', '--parameters', parameters];
  return measure(join(root, 'bin/sluice'), args, { SLUICE_HOME: join(folder, 'home') });
}
