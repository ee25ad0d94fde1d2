/** Where a Kafka is, and topics of it. */
import type { Kind } from './kind.ts';

const SERVERS = '[^,:;\\s]+:\\d{1,5}(?:,[^,:;\\s]+:\\d{1,5})*';
const TOPIC = '[A-Za-z0-9._-]{1,249}';
const TOPICS = `${TOPIC}(?:,${TOPIC})*`;

const kind = (name: string, pattern: string, expected: string, help: string, paramType = 'TEXT'): Kind => {
  const whole = new RegExp(`^${pattern}$`);
  return {
    name,
    help,
    expected: () => expected,
    parse: given => (whole.test(given) ? given : undefined),
    widget: 'text',
    paramType,
  };
};

export const kafkaServers = kind(
  'kafka-servers',
  SERVERS,
  'host:port, several separated by commas',
  'Brokers to begin with: `host:port`, several separated by commas.',
);

export const kafkaTopic = kind(
  'kafka-topic',
  TOPIC,
  'the name of a topic: letters, digits and . _ -',
  'The name of a Kafka topic.',
);

export const kafkaTopics = kind(
  'kafka-topics',
  TOPICS,
  'names of topics, separated by commas',
  'Names of Kafka topics, separated by commas.',
);

export const kafkaReadTopic = kind(
  'kafka-read-topic',
  `${SERVERS};${TOPICS}`,
  'brokers and topic, host:port;topic (several of each separated by commas)',
  'Brokers and topic, `host:port;topic`; several of each are separated by commas.',
  'KAFKA_READ_TOPIC',
);

export const kafkaWriteTopic = kind(
  'kafka-write-topic',
  `${SERVERS};${TOPIC}`,
  'brokers and topic, host:port;topic (several brokers separated by commas)',
  'Brokers and topic, `host:port;topic`; several brokers are separated by commas.',
  'KAFKA_WRITE_TOPIC',
);
