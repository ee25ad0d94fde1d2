/** What topics and subscriptions may be set to: checks what a client asks for and fills in what it left out. */
import type { DeliveryPolicy } from './delivery.ts';
import { compileFilter } from './filter.ts';
import { nameFault, type ResourceKind } from './names.ts';
import { invalid, unimplemented } from './refusal.ts';

/** The google.pubsub.v1.Topic as the proto loader gives it; fields not named here are kept as they are. */
export interface TopicSettings {
  name: string;
  [field: string]: unknown;
}

/** The google.pubsub.v1.Subscription as the proto loader gives it. */
export interface SubscriptionSettings {
  name: string;
  topic: string;
  ackDeadlineSeconds: number;
  enableMessageOrdering: boolean;
  filter: string;
  deadLetterPolicy: { deadLetterTopic: string; maxDeliveryAttempts: number } | null;
  retryPolicy: { minimumBackoff: Duration | null; maximumBackoff: Duration | null } | null;
  [field: string]: unknown;
}

interface Duration {
  seconds: string;
  nanos: number;
}

const TOPIC_EXTRAS = ['schemaSettings', 'ingestionDataSourceSettings', 'messageTransforms'];
const SUBSCRIPTION_EXTRAS = [
  'bigqueryConfig',
  'cloudStorageConfig',
  'bigtableConfig',
  'messageTransforms',
  'enableExactlyOnceDelivery',
];
const DEFAULT_ACK_DEADLINE_SECONDS = 10;
const DEFAULT_DELIVERY_ATTEMPTS = 5;
const SEVEN_DAYS = { seconds: '604800', nanos: 0 };
const MAX_BACKOFF_MS = 600_000;

export function checkName(kind: ResourceKind, name: string): void {
  const fault = nameFault(kind, name);
  if (fault) throw invalid(fault);
}

export function checkTopic(asked: TopicSettings): TopicSettings {
  checkName('topics', asked.name);
  refuseExtras(asked, TOPIC_EXTRAS);
  return { ...asked, state: 'ACTIVE' };
}

export function checkSubscription(asked: SubscriptionSettings): SubscriptionSettings {
  checkName('subscriptions', asked.name);
  checkName('topics', asked.topic);
  refuseExtras(asked, SUBSCRIPTION_EXTRAS);
  const push = asked.pushConfig as { pushEndpoint?: string } | null | undefined;
  if (push?.pushEndpoint) throw unimplemented('pushing to an endpoint');
  return completed({ ...asked, state: 'ACTIVE', pushConfig: push ?? {} });
}

/** The settings with what was left out filled in; throws where a value is out of its range. */
export function completed(asked: SubscriptionSettings): SubscriptionSettings {
  const settings = {
    ...asked,
    ackDeadlineSeconds: asked.ackDeadlineSeconds || DEFAULT_ACK_DEADLINE_SECONDS,
    messageRetentionDuration: asked.messageRetentionDuration ?? SEVEN_DAYS,
    deadLetterPolicy: asked.deadLetterPolicy && {
      ...asked.deadLetterPolicy,
      maxDeliveryAttempts: asked.deadLetterPolicy.maxDeliveryAttempts || DEFAULT_DELIVERY_ATTEMPTS,
    },
  };
  checkRanges(settings);
  return settings;
}

function refuseExtras(settings: Record<string, unknown>, fields: readonly string[]): void {
  for (const field of fields) {
    const value = settings[field];
    if (Array.isArray(value) ? value.length > 0 : value) throw unimplemented(field);
  }
}

function checkRanges({ ackDeadlineSeconds, deadLetterPolicy, filter }: SubscriptionSettings): void {
  if (ackDeadlineSeconds < 10 || ackDeadlineSeconds > 600)
    throw invalid(`ack_deadline_seconds must be from 10 to 600, not ${ackDeadlineSeconds}`);
  if (filter) compileFilter(filter);
  if (!deadLetterPolicy) return;
  checkName('topics', deadLetterPolicy.deadLetterTopic);
  const { maxDeliveryAttempts } = deadLetterPolicy;
  if (maxDeliveryAttempts < 5 || maxDeliveryAttempts > 100)
    throw invalid(`max_delivery_attempts must be from 5 to 100, not ${maxDeliveryAttempts}`);
}

/** What of the settings the delivery goes by. */
export function policyOf({
  enableMessageOrdering,
  deadLetterPolicy,
  retryPolicy,
}: SubscriptionSettings): DeliveryPolicy {
  return {
    ordered: enableMessageOrdering,
    maxAttempts: deadLetterPolicy?.maxDeliveryAttempts ?? 0,
    ...(retryPolicy && {
      backoffMs: {
        min: milliseconds(retryPolicy.minimumBackoff, 10_000),
        max: milliseconds(retryPolicy.maximumBackoff, MAX_BACKOFF_MS),
      },
    }),
  };
}

function milliseconds(duration: Duration | null, absent: number): number {
  if (!duration) return absent;
  const asked = Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
  return Math.min(MAX_BACKOFF_MS, Math.max(0, asked));
}

/** The settings with the masked fields of `asked`; throws where a field cannot be changed. */
export function updated<T extends Record<string, unknown>>(
  settings: T,
  asked: T,
  mask: readonly string[],
  changeable: readonly string[],
): T {
  if (mask.length === 0) throw invalid('update_mask must name a field');
  const changes: Record<string, unknown> = {};
  for (const path of mask) {
    const field = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!changeable.includes(field)) throw invalid(`the field '${path}' cannot be updated`);
    changes[field] = asked[field];
  }
  return { ...settings, ...changes };
}
