/** Which partitions a worker reads, and from where. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../engine/checkpoint.ts';
import type { StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { SluiceError, systemCode } from '../../errors.ts';
import type { KafkaClient } from './client.ts';
import type { Partition } from './reception.ts';

/** Offsets by topic and partition. */
export type Positions = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface WhatToRead {
  topics: readonly string[];
  start: 'earliest' | 'latest';
  group?: string;
  stopAtEnd: boolean;
}

/** What a worker decided as it first began: kept, so that one that is killed before its first checkpoint begins there. */
interface Beginning {
  positions: Positions;
  /** Where a bounded reading ends. */
  ends?: Positions;
}

/** This worker's partitions, each with its position. */
export async function findPartitions(
  client: KafkaClient,
  asked: WhatToRead,
  context: StageContext,
): Promise<Partition[]> {
  const restored = context.restored as { positions: Positions } | null | undefined;
  const mine = await ownPartitions(client, asked.topics, context);
  const file = join(await makeStageFolder(context), `beginning-${context.worker.index}.json`);
  const before = await readBeginning(file);
  const beginning = await begin(
    client,
    asked,
    mine,
    { ...before?.positions, ...restored?.positions },
    before?.ends,
  );
  if (JSON.stringify(beginning) !== JSON.stringify(before))
    await replaceFile(file, JSON.stringify(beginning));
  const partitions: Partition[] = [];
  for (const { topic, partition } of mine) {
    // One that came after the beginning is read from its first record.
    const position =
      offsetIn(restored?.positions, topic, partition) ?? offsetIn(beginning.positions, topic, partition) ?? 0;
    const until = asked.stopAtEnd ? (offsetIn(beginning.ends, topic, partition) ?? 0) : undefined;
    partitions.push({ topic, partition, position, fetchAt: position, ...(until !== undefined && { until }) });
  }
  if (partitions.length === 0)
    context.report(
      'WARNING',
      `there are fewer partitions of ${asked.topics.join(', ')} than workers: this one has none to read`,
    );
  return partitions;
}

/** Partitions of this worker that are not among those known; they are read from their first record. */
export async function newPartitions(
  client: KafkaClient,
  asked: WhatToRead,
  known: readonly Partition[],
  context: StageContext,
): Promise<Partition[]> {
  const found = await ownPartitions(client, asked.topics, context);
  const fresh = found.filter(
    each => !known.some(({ topic, partition }) => topic === each.topic && partition === each.partition),
  );
  for (const { topic, partition } of fresh)
    context.report('INFO', `${topic} has a new partition, ${partition}`);
  return fresh.map(each => ({ ...each, position: 0, fetchAt: 0 }));
}

/** Goes on where there is something to read: what lies before the first record is gone. */
export async function resetPosition(
  client: KafkaClient,
  partition: Partition,
  start: 'earliest' | 'latest',
  { report }: StageContext,
): Promise<void> {
  const { topic, partition: number, position } = partition;
  const first = (await client.offsetsOf(topic, [number], 'earliest')).get(number) ?? 0;
  if (position < first) {
    // The first record of a topic is not always the one of offset 0: nothing need have been lost then.
    if (position > 0)
      report(
        'WARNING',
        `${topic}-${number}: Kafka has deleted the records ${position} to ${first - 1} before they were read; going on at ${first}`,
      );
    partition.position = first;
    return;
  }
  const last = (await client.offsetsOf(topic, [number], 'latest')).get(number) ?? first;
  if (position <= last) return;
  partition.position = start === 'earliest' ? first : last;
  report(
    'WARNING',
    `${topic}-${number} ends at ${last}, before the position ${position}: the topic was made anew; going on at ${partition.position}`,
  );
}

async function ownPartitions(
  client: KafkaClient,
  topics: readonly string[],
  { worker: { index, count } }: StageContext,
): Promise<{ topic: string; partition: number }[]> {
  const mine: { topic: string; partition: number }[] = [];
  for (const [i, topic] of topics.entries()) {
    // Shifted by topic: many topics of one partition are shared, too.
    for (const partition of await client.partitionsOf(topic))
      if ((partition + i) % count === index) mine.push({ topic, partition });
  }
  return mine;
}

/** Beginnings of all topics: of those that are known already what is known, which has no partitions that came later. */
async function begin(
  client: KafkaClient,
  { topics, start, group, stopAtEnd }: WhatToRead,
  mine: readonly { topic: string; partition: number }[],
  known: Positions,
  knownEnds: Positions = {},
): Promise<Beginning> {
  const positions: Record<string, Readonly<Record<string, number>>> = {};
  const ends: Record<string, Readonly<Record<string, number>>> = {};
  for (const topic of topics) {
    const own = mine.filter(each => each.topic === topic).map(({ partition }) => partition);
    positions[topic] = offsetsIn(known, topic) ?? (await starts(client, topic, own, start, group));
    if (stopAtEnd)
      ends[topic] =
        offsetsIn(knownEnds, topic) ?? Object.fromEntries(await client.offsetsOf(topic, own, 'latest'));
  }
  return { positions, ...(stopAtEnd && { ends }) };
}

async function starts(
  client: KafkaClient,
  topic: string,
  own: readonly number[],
  start: 'earliest' | 'latest',
  group?: string,
): Promise<Record<string, number>> {
  if (own.length === 0) return {};
  const told = group === undefined ? new Map() : await client.committedOffsets(group, topic, own);
  const rest = own.filter(partition => !told.has(partition));
  return Object.fromEntries([...told, ...(await client.offsetsOf(topic, rest, start))]);
}

async function readBeginning(file: string): Promise<Beginning | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('CHECKPOINT_UNUSABLE', `${file}: ${why}`, { cause: error });
  }
}

const offsetsIn = (positions: Positions, topic: string): Readonly<Record<string, number>> | undefined =>
  Object.hasOwn(positions, topic) ? positions[topic] : undefined;

const offsetIn = (positions: Positions | undefined, topic: string, partition: number): number | undefined =>
  positions && offsetsIn(positions, topic)?.[partition];
