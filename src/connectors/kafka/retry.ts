/** Which answers of Kafka are final, which are tried again, and how long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';

/** `denied`: who we are, or what we may, is the reason; it is final as well. */
export type Verdict = 'retry' | 'final' | 'denied';

/** By the number of the protocol; what is not here is final. */
export const verdicts: Readonly<Record<number, { name: string; verdict: Verdict }>> = {
  [-1]: { name: 'UNKNOWN_SERVER_ERROR', verdict: 'retry' },
  1: { name: 'OFFSET_OUT_OF_RANGE', verdict: 'final' },
  2: { name: 'CORRUPT_MESSAGE', verdict: 'retry' },
  3: { name: 'UNKNOWN_TOPIC_OR_PARTITION', verdict: 'retry' },
  5: { name: 'LEADER_NOT_AVAILABLE', verdict: 'retry' },
  6: { name: 'NOT_LEADER_OR_FOLLOWER', verdict: 'retry' },
  7: { name: 'REQUEST_TIMED_OUT', verdict: 'retry' },
  8: { name: 'BROKER_NOT_AVAILABLE', verdict: 'retry' },
  9: { name: 'REPLICA_NOT_AVAILABLE', verdict: 'retry' },
  10: { name: 'MESSAGE_TOO_LARGE', verdict: 'final' },
  13: { name: 'NETWORK_EXCEPTION', verdict: 'retry' },
  14: { name: 'COORDINATOR_LOAD_IN_PROGRESS', verdict: 'retry' },
  15: { name: 'COORDINATOR_NOT_AVAILABLE', verdict: 'retry' },
  16: { name: 'NOT_COORDINATOR', verdict: 'retry' },
  17: { name: 'INVALID_TOPIC_EXCEPTION', verdict: 'final' },
  18: { name: 'RECORD_LIST_TOO_LARGE', verdict: 'final' },
  19: { name: 'NOT_ENOUGH_REPLICAS', verdict: 'retry' },
  20: { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', verdict: 'retry' },
  22: { name: 'ILLEGAL_GENERATION', verdict: 'final' },
  25: { name: 'UNKNOWN_MEMBER_ID', verdict: 'final' },
  27: { name: 'REBALANCE_IN_PROGRESS', verdict: 'retry' },
  29: { name: 'TOPIC_AUTHORIZATION_FAILED', verdict: 'denied' },
  30: { name: 'GROUP_AUTHORIZATION_FAILED', verdict: 'denied' },
  31: { name: 'CLUSTER_AUTHORIZATION_FAILED', verdict: 'denied' },
  32: { name: 'INVALID_TIMESTAMP', verdict: 'final' },
  33: { name: 'UNSUPPORTED_SASL_MECHANISM', verdict: 'denied' },
  34: { name: 'ILLEGAL_SASL_STATE', verdict: 'retry' },
  35: { name: 'UNSUPPORTED_VERSION', verdict: 'final' },
  41: { name: 'NOT_CONTROLLER', verdict: 'retry' },
  42: { name: 'INVALID_REQUEST', verdict: 'final' },
  45: { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', verdict: 'retry' },
  46: { name: 'DUPLICATE_SEQUENCE_NUMBER', verdict: 'retry' },
  // Who was fenced off begins anew, and finds out first what is published already.
  47: { name: 'INVALID_PRODUCER_EPOCH', verdict: 'retry' },
  48: { name: 'INVALID_TXN_STATE', verdict: 'retry' },
  49: { name: 'INVALID_PRODUCER_ID_MAPPING', verdict: 'retry' },
  51: { name: 'CONCURRENT_TRANSACTIONS', verdict: 'retry' },
  53: { name: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', verdict: 'denied' },
  56: { name: 'KAFKA_STORAGE_ERROR', verdict: 'retry' },
  58: { name: 'SASL_AUTHENTICATION_FAILED', verdict: 'denied' },
  59: { name: 'UNKNOWN_PRODUCER_ID', verdict: 'retry' },
  72: { name: 'LISTENER_NOT_FOUND', verdict: 'retry' },
  74: { name: 'FENCED_LEADER_EPOCH', verdict: 'retry' },
  75: { name: 'UNKNOWN_LEADER_EPOCH', verdict: 'retry' },
  76: { name: 'UNSUPPORTED_COMPRESSION_TYPE', verdict: 'final' },
  78: { name: 'OFFSET_NOT_AVAILABLE', verdict: 'retry' },
  87: { name: 'INVALID_RECORD', verdict: 'final' },
  90: { name: 'PRODUCER_FENCED', verdict: 'retry' },
};

/** What the client itself reports, by the name of its error. */
const byName: Readonly<Record<string, Verdict>> = {
  KafkaJSSASLAuthenticationError: 'denied',
  KafkaJSNotImplemented: 'final',
  KafkaJSServerDoesNotSupportApiKey: 'final',
};

/** Why TLS refuses a server or is refused by it: another attempt ends in the same way. */
const TLS_REFUSALS =
  /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_TLS|ERR_OSSL|ERR_SSL_(?:TLSV1|SSLV3)_ALERT|wrong version number|self.signed|alert /i;

/** Waits between the attempts; one more attempt follows the last: about a minute in all. */
export const RETRY_DELAYS_MS = [100, 250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000] as const;

/** What a retry waits after its `attempt`th failure (from 0), or undefined when it is time to give up. */
export function retryDelayMs(attempt: number): number | undefined {
  const delay = RETRY_DELAYS_MS[attempt];
  // Spread, so that many workers do not come back at the same moment.
  return delay && delay * (0.75 + Math.random() / 2);
}

/** What becomes of a call that failed with this. What only the network can have caused is tried again. */
export function verdictOf(error: unknown): Verdict {
  for (const each of causesOf(error)) {
    if (each instanceof SluiceError) return 'final';
    const code = numberOf(each);
    if (code !== undefined) return verdicts[code]?.verdict ?? 'final';
    const named = byName[each.name];
    if (named) return named;
    if (TLS_REFUSALS.test(`${textCodeOf(each)} ${each.message}`)) return 'denied';
  }
  return causesOf(error).some(({ name }) => /^KafkaJS|^Aggregate/.test(name) || isSystem(name, error))
    ? 'retry'
    : 'final';
}

/** The name that Kafka gives the error, or that of the client. */
export function nameOf(error: unknown): string {
  for (const each of causesOf(error)) {
    const code = numberOf(each);
    if (code !== undefined) return verdicts[code]?.name ?? `error ${code}`;
  }
  return error instanceof Error ? error.name : 'error';
}

/** True when Kafka has answered: the connection is fine. */
export const isAnswer = (error: unknown): boolean =>
  causesOf(error).some(each => numberOf(each) !== undefined);

/** An error that an answer has by its number, for one of several partitions. */
export function kafkaError(code: number): Error {
  const name = verdicts[code]?.name ?? `error ${code}`;
  return Object.assign(new Error(name), { code, type: name });
}

export const isError = (error: unknown, name: string): boolean => nameOf(error) === name;

/**
 * Runs `work` until it succeeds, its error is not one to try again after, or it is time to give up: throws the last
 * error then. `stopped` ends the trying early.
 */
export async function retrying<T>(
  work: () => Promise<T>,
  stopped: () => boolean = () => false,
  attempts = RETRY_DELAYS_MS.length + 1,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const delayMs = retryDelayMs(attempt);
      if (verdictOf(error) !== 'retry' || delayMs === undefined || attempt + 1 >= attempts || stopped())
        throw error;
      await sleep(delayMs);
    }
  }
}

/** The error and what caused it, the inmost first: kafkajs wraps what it has tried several times. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let each = error; each instanceof Error && causes.length < 10; each = each.cause) causes.unshift(each);
  return causes;
}

const numberOf = (error: Error): number | undefined =>
  'code' in error && typeof error.code === 'number' && 'type' in error ? error.code : undefined;

const textCodeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : '';

const isSystem = (name: string, error: unknown): boolean =>
  name === 'Error' && causesOf(error).some(each => /^E[A-Z]+$/.test(textCodeOf(each)));
