/** What a topic takes, as far as its settings tell: a whole set would be refused for one message that breaks them. */
import type { KafkaClient } from './client.ts';
import { BATCH_OVERHEAD, type Message } from './record-batch.ts';

export interface TopicRules {
  /** The largest set. */
  maxBytes: number;
  /** What is wrong with a message of this size; undefined: nothing. */
  faultOf(message: Message, size: number, nowMs: number): string | undefined;
}

/** Kafka's own, for who may not see the settings. */
const DEFAULT_MAX_BYTES = 1_048_588;

export async function topicRules(client: KafkaClient, topic: string): Promise<TopicRules> {
  const settings = await client.settingsOf(topic);
  const numberOf = (name: string, otherwise: number) => Number(settings?.get(name) ?? otherwise);
  const maxBytes = numberOf('max.message.bytes', DEFAULT_MAX_BYTES);
  const isCompacted = settings?.get('cleanup.policy')?.includes('compact') ?? false;
  const isOwnTime = settings?.get('message.timestamp.type') !== 'LogAppendTime';
  const aheadMs = numberOf('message.timestamp.after.max.ms', Number.POSITIVE_INFINITY);
  const behindMs = numberOf('message.timestamp.before.max.ms', Number.POSITIVE_INFINITY);
  return {
    maxBytes,
    faultOf({ key, time }, size, nowMs) {
      if (size + BATCH_OVERHEAD > maxBytes) return `it has ${size} bytes, and the topic takes ${maxBytes}`;
      if (isCompacted && key === null) return 'it has no key, and the topic is compacted by key';
      if (time < 0 || (isOwnTime && (time - nowMs > aheadMs || nowMs - time > behindMs)))
        return `its time, ${new Date(time).toISOString()}, is further from now than the topic takes`;
      return undefined;
    },
  };
}
