import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isAnswer,
  kafkaError,
  nameOf,
  RETRY_DELAYS_MS,
  retryDelayMs,
  retrying,
  type Verdict,
  verdictOf,
} from '../../../src/connectors/kafka/retry.ts';
import { SluiceError } from '../../../src/errors.ts';

const failure = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name, ...more });

const cases: [what: string, error: unknown, verdict: Verdict][] = [
  ['a leader that has moved', kafkaError(6), 'retry'],
  ['a coordinator that loads', kafkaError(14), 'retry'],
  ['too few replicas', kafkaError(19), 'retry'],
  ['a transaction under way', kafkaError(51), 'retry'],
  ['a producer that was fenced off', kafkaError(47), 'retry'],
  ['a message that is too large', kafkaError(10), 'final'],
  ['an invalid record', kafkaError(87), 'final'],
  ['an error that nobody knows', kafkaError(999), 'final'],
  ['a topic that is not ours to read', kafkaError(29), 'denied'],
  ['a wrong password', kafkaError(58), 'denied'],
  ['a transaction that is not ours to make', kafkaError(53), 'denied'],
  ['a wrong password, as the client puts it', failure('KafkaJSSASLAuthenticationError'), 'denied'],
  ['a refused connection', failure('KafkaJSConnectionError', { code: 'ECONNREFUSED' }), 'retry'],
  ['a closed connection', failure('KafkaJSConnectionClosedError'), 'retry'],
  ['no answer in time', failure('KafkaJSRequestTimeoutError'), 'retry'],
  [
    'a certificate that is not known',
    failure('KafkaJSConnectionError', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    'denied',
  ],
  [
    'an alert of TLS',
    failure('KafkaJSConnectionError', { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }),
    'denied',
  ],
  [
    'what was tried several times',
    failure('KafkaJSNumberOfRetriesExceeded', { cause: kafkaError(5) }),
    'retry',
  ],
  ['what was tried in vain', failure('KafkaJSNonRetriableError', { cause: kafkaError(58) }), 'denied'],
  ['what was said before', new SluiceError('KAFKA_REFUSED', 'no'), 'final'],
  ['a fault of ours', new TypeError('x is not a function'), 'final'],
];

for (const [what, error, verdict] of cases)
  test(`${what} is ${verdict}`, () => {
    assert.equal(verdictOf(error), verdict);
  });

test('an error is called as Kafka calls it', () => {
  assert.equal(
    nameOf(failure('KafkaJSNonRetriableError', { cause: kafkaError(29) })),
    'TOPIC_AUTHORIZATION_FAILED',
  );
  assert.equal(nameOf(failure('KafkaJSConnectionError')), 'KafkaJSConnectionError');
  assert.ok(isAnswer(kafkaError(3)));
  assert.ok(!isAnswer(failure('KafkaJSConnectionError', { code: 'ECONNRESET' })));
});

test('it is tried for about a minute, with waits that differ', () => {
  const total = RETRY_DELAYS_MS.reduce((sum, each) => sum + each, 0);
  assert.ok(total > 55_000 && total < 70_000, String(total));
  assert.equal(retryDelayMs(RETRY_DELAYS_MS.length), undefined);
  const waits = new Set(Array.from({ length: 20 }, () => retryDelayMs(0)));
  assert.ok(waits.size > 1);
  for (const wait of waits) assert.ok(Number(wait) >= 75 && Number(wait) <= 125, String(wait));
});

test('what is not to be tried again is thrown at once, and so is everything when it is over', async () => {
  let calls = 0;
  const work = (code: number) => async () => {
    calls++;
    throw kafkaError(code);
  };
  await assert.rejects(retrying(work(10)), { message: 'MESSAGE_TOO_LARGE' });
  assert.equal(calls, 1);
  await assert.rejects(retrying(work(6), () => true));
  assert.equal(calls, 2);
  await assert.rejects(retrying(work(6), () => false, 2));
  assert.equal(calls, 4);
});
