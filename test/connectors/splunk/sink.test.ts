import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { writeToSplunk } from '../../../src/connectors/splunk/index.ts';
import { type Verdict, verdictOf } from '../../../src/connectors/splunk/retry.ts';
import { batchOf, payloadOf } from '../../../src/engine/batch.ts';
import type { Sink, SinkComponent } from '../../../src/engine/component.ts';
import { contextOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { type Collector, HEC_TOKEN, startCollector } from '../../services/hec.ts';

const table: [number, Verdict][] = [
  [200, 'taken'],
  [400, 'split'],
  [401, 'denied'],
  [403, 'denied'],
  [404, 'final'],
  [413, 'split'],
  [429, 'again'],
  [500, 'again'],
  [503, 'again'],
];
for (const [status, verdict] of table)
  test(`a request answered ${status}: ${verdict}`, () => assert.equal(verdictOf(status), verdict));

const payloads: [what: string, payload: string, event: object | string][] = [
  ['text is an event of text', 'hello', { event: 'hello' }],
  ['an object is an event as it is', '{"a": 9007199254740993}', '{"event":{"a": 9007199254740993}}'],
  ['what is nearly an object is text', '{"a":', { event: '{"a":' }],
  ['a list is text', '[1]', { event: '[1]' }],
  [
    'its timestamp is the time of the event',
    '{"timestamp":"2026-11-20T10:00:00.250Z"}',
    { time: 1795168800.25, event: { timestamp: '2026-11-20T10:00:00.250Z' } },
  ],
  [
    'so is the timestamp of its data',
    '{"data":{"timestamp":"2026-11-20T10:00:00Z"}}',
    { time: 1795168800, event: { data: { timestamp: '2026-11-20T10:00:00Z' } } },
  ],
  ['what is no time is none', '{"timestamp":"today"}', { event: { timestamp: 'today' } }],
  [
    '_metadata overrides, and is gone',
    '{"a":1,"_metadata":{"index":"main","host":"h","sourcetype":"t","time":5,"fields":{"f":"v"},"other":1}}',
    { time: 5, host: 'h', sourcetype: 't', index: 'main', fields: { f: 'v' }, event: { a: 1 } },
  ],
  ['_metadata may hold the event', '{"a":1,"_metadata":{"event":"short"}}', { event: 'short' }],
];
test('what becomes of a payload', async t => {
  const { collector, sink } = await openOn(t);
  await sink.write(batchOf(payloads.map(([, payload]) => payload)));
  for (const [i, [what, , event]] of payloads.entries())
    assert.deepEqual(collector.events()[i], typeof event === 'string' ? JSON.parse(event) : event, what);
});

test('an event that is refused fails alone, with the reason of Splunk', async t => {
  const { collector, sink } = await openOn(t);
  const rows = Array.from({ length: 250 }, (_, n) => JSON.stringify({ n }));
  rows[7] = '{"n":7,"_metadata":{"index":"forbidden"}}';
  rows[120] = '{"n":120,"_metadata":{"fields":{"deep":{"er":1}}}}';
  rows[121] = '  ';
  const { failed } = (await sink.write(batchOf(rows))) ?? {};
  assert.ok(failed);
  assert.deepEqual(
    Array.from({ length: failed.count }, (_, i) => payloadOf(failed, i).toString()),
    [rows[7], rows[120], rows[121]],
  );
  assert.deepEqual(
    failed.failures?.map(({ code, message }) => `${code} ${message}`),
    [
      'SPLUNK_REFUSED status 400: Incorrect index (code 7)',
      'SPLUNK_REFUSED status 400: Error in handling indexed fields (code 15)',
      'SPLUNK_REFUSED the event is empty, and Splunk takes none such',
    ],
  );
  assert.equal(new Set(collector.events().map(({ event }) => JSON.stringify(event))).size, 247);
});

test('with indexer acknowledgment events count when they are indexed', async t => {
  const { collector, sink } = await openOn(t, {}, 'ack');
  const writes = Array.from({ length: 5 }, (_, i) => sink.write(batchOf([`a${i}`, `b${i}`])));
  for (const result of await Promise.all(writes)) assert.equal(result, undefined);
  assert.equal(collector.events().length, 10);
});

test('a collector that is busy gets the events again, once each', async t => {
  const { collector, sink } = await openOn(t, { batch_events: 10 }, 'busy');
  const rows = Array.from({ length: 200 }, (_, n) => `event ${n}`);
  assert.equal(await sink.write(batchOf(rows)), undefined);
  assert.deepEqual(
    collector
      .events()
      .map(({ event }) => event)
      .sort(),
    rows.toSorted(),
  );
});

test('a wrong token, a server that is none and one that is not there are refused by name', async t => {
  const collector = await startCollector(t);
  const cases: [object, string, RegExp][] = [
    [
      { token: 'wrong' },
      'AUTHENTICATION_FAILED',
      /does not accept the token: status 403: Invalid token \(code 4\)/,
    ],
    [{ url: `${collector.url}/elsewhere` }, 'PARAMETERS_INVALID', /is no event collector: status 404/],
    [{ url: 'ftp://splunk' }, 'PARAMETERS_INVALID', /must be an address such as https/],
    [
      { url: 'http://127.0.0.1:9' },
      'SERVICE_UNREACHABLE',
      /Splunk at http:\/\/127\.0\.0\.1:9 does not answer/,
    ],
  ];
  for (const [config, code, message] of cases)
    await assert.rejects(open(t, { url: collector.url, token: HEC_TOKEN, ...config }), { code, message });
});

async function openOn(
  t: TestContext,
  config: object = {},
  mode?: 'ack' | 'busy',
): Promise<{ collector: Collector; sink: Sink }> {
  const collector = await startCollector(t, mode);
  const sink = await open(t, { url: collector.url, token: HEC_TOKEN, ...config });
  t.after(() => sink.close(true));
  return { collector, sink };
}

async function open(t: TestContext, config: object): Promise<Sink> {
  return (writeToSplunk as SinkComponent).open(config, contextOf(await temporaryFolder(t)));
}
