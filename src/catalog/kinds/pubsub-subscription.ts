/** The full name of a Pub/Sub subscription. */
import type { Kind } from './kind.ts';
import { PROJECT, RESOURCE_ID } from './pubsub-topic.ts';

const SUBSCRIPTION = new RegExp(`^${PROJECT}/subscriptions/${RESOURCE_ID}$`);

export const pubsubSubscription: Kind = {
  name: 'pubsub-subscription',
  help: 'The full name of a Pub/Sub subscription: `projects/<project>/subscriptions/<subscription>`.',
  expected: () =>
    'the full name of a subscription, projects/<project>/subscriptions/<subscription> (of this machine: projects/local/…)',
  parse: given => (SUBSCRIPTION.test(given) ? given : undefined),
  widget: 'subscription',
  paramType: 'PUBSUB_SUBSCRIPTION',
};
