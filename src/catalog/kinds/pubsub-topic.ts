/** The full name of a Pub/Sub topic. */
import type { Kind } from './kind.ts';

/** Pub/Sub's own rule for the last part of a name. */
export const RESOURCE_ID = '(?!goog)[A-Za-z][A-Za-z0-9._~%+-]{2,254}';
const TOPIC = new RegExp(`^projects/[^/\\s\\0]+/topics/${RESOURCE_ID}$`);

export const pubsubTopic: Kind = {
  name: 'pubsub-topic',
  help: 'The full name of a Pub/Sub topic: `projects/<project>/topics/<topic>`.',
  expected: () => 'the full name of a topic: projects/<project>/topics/<topic>',
  parse: given => (TOPIC.test(given) ? given : undefined),
  widget: 'topic',
  paramType: 'PUBSUB_TOPIC',
};
