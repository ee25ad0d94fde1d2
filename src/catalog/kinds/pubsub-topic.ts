/** The full name of a Pub/Sub topic. */
import { idFault, nameFault } from '../../cloud/pubsub/names.ts';
import type { Kind } from './kind.ts';

export const pubsubTopic: Kind = {
  name: 'pubsub-topic',
  help: 'The full name of a Pub/Sub topic: `projects/<project>/topics/<topic>`.',
  expected: () =>
    'the full name of a topic, projects/<project>/topics/<topic> (of this machine: projects/local/…)',
  fault: given => idFault('topics', given),
  parse: given => (nameFault('topics', given) === undefined ? given : undefined),
  widget: 'topic',
  paramType: 'PUBSUB_TOPIC',
};
