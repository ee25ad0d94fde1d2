/** The full name of a Pub/Sub subscription. */
import { idFault, nameFault } from '../../cloud/pubsub/names.ts';
import type { Kind } from './kind.ts';

export const pubsubSubscription: Kind = {
  name: 'pubsub-subscription',
  help: 'The full name of a Pub/Sub subscription: `projects/<project>/subscriptions/<subscription>`.',
  expected: () =>
    'the full name of a subscription, projects/<project>/subscriptions/<subscription> (of this machine: projects/local/…)',
  fault: given => idFault('subscriptions', given),
  parse: given => (nameFault('subscriptions', given) === undefined ? given : undefined),
  widget: 'subscription',
  paramType: 'PUBSUB_SUBSCRIPTION',
};
