/** The topics and subscriptions of the service and what clients may do with them; refuses as Pub/Sub does. */
import { Delivery, type DeliveryPolicy } from './delivery.ts';
import { compileFilter, type Filter } from './filter.ts';
import { MAX_REQUEST_MESSAGES, messageFault } from './limits.ts';
import { alreadyExists, invalid, notFound } from './refusal.ts';
import {
  checkName,
  checkSubscription,
  checkTopic,
  completed,
  policyOf,
  type SubscriptionSettings,
  type TopicSettings,
  updated,
} from './settings.ts';
import type { Backlog, Store, StoredMessage } from './store.ts';
import { decodeMessage, encodeAttribute, type PublishedMessage } from './wire.ts';

export interface Subscription {
  number: number;
  settings: SubscriptionSettings;
  delivery: Delivery;
  backlog: Backlog;
  filter?: Filter;
  /** Called once when the subscription is deleted. */
  onDeleted: Set<() => void>;
}

/** The topic that subscriptions name when theirs was deleted. */
const DELETED_TOPIC = '_deleted-topic_';
const CHANGEABLE_IN_TOPIC = ['labels', 'messageRetentionDuration', 'messageStoragePolicy'];
const CHANGEABLE_IN_SUBSCRIPTION = [
  'ackDeadlineSeconds',
  'labels',
  'messageRetentionDuration',
  'retainAckedMessages',
  'expirationPolicy',
  'deadLetterPolicy',
  'retryPolicy',
];

export class Broker {
  readonly #store: Store;
  readonly #topics = new Map<string, TopicSettings>();
  readonly #subscriptions = new Map<string, Subscription>();
  /** The subscriptions of each topic, by its name. */
  readonly #byTopic = new Map<string, Set<Subscription>>();

  constructor(store: Store) {
    this.#store = store;
    for (const { name, settings } of store.topics()) this.#topics.set(name, JSON.parse(settings));
    for (const { number, settings } of store.subscriptions()) this.#add(number, JSON.parse(settings));
  }

  topics(): TopicSettings[] {
    return [...this.#topics.values()];
  }

  subscriptions(): SubscriptionSettings[] {
    return [...this.#subscriptions.values()].map(({ settings }) => settings);
  }

  subscriptionsOf(topic: string): string[] {
    this.topic(topic);
    return [...(this.#byTopic.get(topic) ?? [])].map(({ settings }) => settings.name).sort();
  }

  topic(name: string): TopicSettings {
    checkName('topics', name);
    const topic = this.#topics.get(name);
    if (!topic) throw notFound(name);
    return topic;
  }

  subscription(name: string): Subscription {
    checkName('subscriptions', name);
    const subscription = this.#subscriptions.get(name);
    if (!subscription) throw notFound(name);
    return subscription;
  }

  async createTopic(asked: TopicSettings): Promise<TopicSettings> {
    const topic = checkTopic(asked);
    if (this.#topics.has(topic.name)) throw alreadyExists(topic.name);
    this.#topics.set(topic.name, topic);
    try {
      await this.#store.write(() => this.#store.saveTopic(topic.name, JSON.stringify(topic)));
    } catch (error) {
      this.#topics.delete(topic.name);
      throw error;
    }
    return topic;
  }

  async updateTopic(asked: TopicSettings, mask: readonly string[]): Promise<TopicSettings> {
    const topic = updated(this.topic(asked.name), asked, mask, CHANGEABLE_IN_TOPIC);
    await this.#store.write(() => this.#store.saveTopic(topic.name, JSON.stringify(topic)));
    this.#topics.set(topic.name, topic);
    return topic;
  }

  /** The topic's subscriptions stay, with what they have not delivered yet. */
  async deleteTopic(name: string): Promise<void> {
    this.topic(name);
    const subscriptions = this.#byTopic.get(name) ?? [];
    await this.#store.write(() => {
      this.#store.deleteTopic(name);
      for (const subscription of subscriptions) {
        subscription.settings = { ...subscription.settings, topic: DELETED_TOPIC };
        this.#save(subscription);
      }
    });
    this.#topics.delete(name);
    this.#byTopic.delete(name);
  }

  async createSubscription(asked: SubscriptionSettings): Promise<SubscriptionSettings> {
    const settings = checkSubscription(asked);
    if (this.#subscriptions.has(settings.name)) throw alreadyExists(settings.name);
    this.topic(settings.topic);
    try {
      await this.#store.write(() => {
        const json = JSON.stringify(settings);
        this.#add(this.#store.addSubscription(settings.name, settings.topic, json), settings);
      });
    } catch (error) {
      this.#remove(settings);
      throw error;
    }
    return settings;
  }

  async updateSubscription(
    asked: SubscriptionSettings,
    mask: readonly string[],
  ): Promise<SubscriptionSettings> {
    const subscription = this.subscription(asked.name);
    const { settings, delivery } = subscription;
    subscription.settings = completed(updated(settings, asked, mask, CHANGEABLE_IN_SUBSCRIPTION));
    delivery.policy = policyOf(subscription.settings);
    await this.#store.write(() => this.#save(subscription));
    return subscription.settings;
  }

  async deleteSubscription(name: string): Promise<void> {
    const subscription = this.subscription(name);
    const { number, settings, delivery, onDeleted } = subscription;
    this.#remove(settings);
    delivery.stop();
    for (const tell of onDeleted) tell();
    await this.#store.write(() => this.#store.deleteSubscription(number));
  }

  /** Takes the messages for every subscription of the topic, and gives their ids once they are durable. */
  async publish(topic: string, messages: readonly PublishedMessage[]): Promise<number[]> {
    this.topic(topic);
    if (messages.length === 0) throw invalid('a publish request must have a message');
    if (messages.length > MAX_REQUEST_MESSAGES)
      throw invalid(
        `a publish request has ${messages.length} messages; at most ${MAX_REQUEST_MESSAGES} are taken`,
      );
    for (const [i, { dataBytes, attributes, key }] of messages.entries()) {
      const fault = messageFault(dataBytes, attributes, key);
      if (fault) throw invalid(`message ${i} is refused: ${fault}`);
    }
    const subscriptions = [...(this.#byTopic.get(topic) ?? [])];
    const publishedMs = Date.now();
    let first = 0;
    await this.#store.write(() => {
      first = this.#store.takeIds(messages.length);
      for (const subscription of subscriptions) addTo(subscription, first, publishedMs, messages);
    });
    for (const { delivery } of subscriptions) delivery.wake();
    return messages.map((_, i) => first + i);
  }

  /** Acknowledges for good; ids of what is no longer there are passed over, malformed ones refused. */
  async acknowledge(subscription: Subscription, ackIds: readonly string[]): Promise<void> {
    const ids = parseAckIds(subscription, ackIds).map(({ id }) => id);
    await this.#store.write(() => subscription.delivery.delete(ids));
    subscription.delivery.forget(ids);
  }

  modifyDeadline(subscription: Subscription, ackIds: readonly string[], seconds: number): void {
    if (!(seconds >= 0 && seconds <= 600))
      throw invalid(`an ack deadline must be from 0 to 600 s, not ${seconds}`);
    subscription.delivery.modifyDeadline(parseAckIds(subscription, ackIds), seconds * 1000);
  }

  /** Forgets the messages that were published before this time, as if they were acknowledged. */
  async seek(subscription: Subscription, timeMs: number): Promise<void> {
    await this.#store.write(() => subscription.backlog.deleteBefore(timeMs));
  }

  stop(): void {
    for (const { delivery } of this.#subscriptions.values()) delivery.stop();
  }

  #add(number: number, settings: SubscriptionSettings): void {
    const backlog = this.#store.backlog(number);
    const policy: DeliveryPolicy = policyOf(settings);
    const subscription: Subscription = {
      number,
      settings,
      backlog,
      delivery: new Delivery(number, backlog, policy, (message, attempts) =>
        this.#deadLetter(subscription, message, attempts),
      ),
      ...(settings.filter && { filter: compileFilter(settings.filter) }),
      onDeleted: new Set(),
    };
    this.#subscriptions.set(settings.name, subscription);
    const siblings = this.#byTopic.get(settings.topic);
    if (siblings) siblings.add(subscription);
    else this.#byTopic.set(settings.topic, new Set([subscription]));
  }

  #remove({ name, topic }: SubscriptionSettings): void {
    const subscription = this.#subscriptions.get(name);
    this.#subscriptions.delete(name);
    if (subscription) this.#byTopic.get(topic)?.delete(subscription);
  }

  #save({ number, settings }: Subscription): void {
    const { name, topic } = settings;
    this.#store.saveSubscription({ number, name, topic, settings: JSON.stringify(settings) });
  }

  /** Moves a message that was delivered too often to the dead-letter topic; false when there is none. */
  #deadLetter(subscription: Subscription, message: StoredMessage, attempts: number): boolean {
    const { name, topic, deadLetterPolicy } = subscription.settings;
    if (!deadLetterPolicy || !this.#topics.has(deadLetterPolicy.deadLetterTopic)) return false;
    const [, project = '', , id = ''] = name.split('/');
    const added = new Map([
      ['CloudPubSubDeadLetterSourceSubscription', id],
      ['CloudPubSubDeadLetterSourceSubscriptionProject', project],
      ['CloudPubSubDeadLetterSourceDeliveryCount', String(attempts)],
      ['CloudPubSubDeadLetterSourceTopicPublishTime', new Date(message.publishedMs).toISOString()],
      ...(topic === DELETED_TOPIC ? [] : [['CloudPubSubDeadLetterSourceTopic', topic] as const]),
    ]);
    const body = Buffer.concat([message.body, ...[...added].map(([k, v]) => encodeAttribute(k, v))]);
    const targets = [...(this.#byTopic.get(deadLetterPolicy.deadLetterTopic) ?? [])];
    const moved = decodeMessage(body);
    this.#store
      .write(() => {
        const first = this.#store.takeIds(1);
        for (const target of targets) addTo(target, first, Date.now(), [moved]);
        subscription.backlog.delete(message.id);
      })
      .then(
        () => {
          for (const { delivery } of targets) delivery.wake();
        },
        // The message is still in the backlog, and is delivered again after the next start.
        (error: unknown) => process.stderr.write(`dead letter of ${name}: ${String(error)}\n`),
      );
    return true;
  }
}

function addTo(
  { backlog, filter }: Subscription,
  first: number,
  publishedMs: number,
  messages: readonly PublishedMessage[],
): void {
  for (const [i, { key, body, attributes }] of messages.entries())
    if (!filter || filter(attributes)) backlog.add(first + i, publishedMs, key, body);
}

/** Ack ids are `<subscription number>-<message id>-<generation>`, see `Delivery`. */
function parseAckIds(
  { number }: Subscription,
  ackIds: readonly string[],
): { id: number; generation: number }[] {
  if (ackIds.length === 0) throw invalid('the request names no ack id');
  return ackIds.map(ackId => {
    const [, of, id, generation] = /^(\d{1,15})-(\d{1,15})-(\d{1,15})$/.exec(ackId) ?? [];
    if (Number(of) !== number) throw invalid(`'${ackId.slice(0, 60)}' is not an ack id of this subscription`);
    return { id: Number(id), generation: Number(generation) };
  });
}
