/** The full name of a Pub/Sub topic. */
import type { Kind } from './kind.ts';

/** The parts of a full name, by Pub/Sub's own rules. */
export const PROJECT = 'projects/[A-Za-z0-9][A-Za-z0-9.:_-]*';
export const RESOURCE_ID = '(?!goog)[A-Za-z][A-Za-z0-9._~%+-]{2,254}';
const TOPIC = new RegExp(`^${PROJECT}/topics/${RESOURCE_ID}$`);

export const pubsubTopic: Kind = {
  name: 'pubsub-topic',
  help: 'The full name of a Pub/Sub topic: `projects/<project>/topics/<topic>`.',
  expected: () =>
    'the full name of a topic, projects/<project>/topics/<topic> (of this machine: projects/local/…)',
  parse: given => (TOPIC.test(given) ? given : undefined),
  widget: 'topic',
  paramType: 'PUBSUB_TOPIC',
};
