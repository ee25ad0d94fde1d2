/** `WriteToSplunk`: events to Splunk's HTTP Event Collector. */
import { randomUUID } from 'node:crypto';
import { defineSink, type ElementType } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { openHttp } from '../http/client.ts';
import { deliveryOf, failedOf, openLoader } from '../http/loader.ts';
import { httpProperties, readTls, readUrl } from '../http/settings.ts';
import { eventOf } from './event.ts';
import { checkCollector, EVENT_PATH, type Event, openEventSender } from './event-sender.ts';

const config = {
  type: 'object',
  required: ['url', 'token'],
  additionalProperties: false,
  properties: {
    url: {
      type: 'string',
      minLength: 1,
      description: 'The address of the event collector, e.g. https://splunk:8088.',
    },
    token: { type: 'string', format: 'secret', description: 'The token of the collector.' },
    host: {
      type: 'string',
      description: 'The host of events that do not name theirs; so are the next three.',
    },
    source: { type: 'string' },
    sourcetype: { type: 'string' },
    index: { type: 'string' },
    ...httpProperties,
    compress: { type: 'boolean', default: true, description: 'Requests are sent compressed, with gzip.' },
    batch_events: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'The most events in a request.',
    },
    batch_bytes: {
      type: 'integer',
      minimum: 1,
      maximum: 100 << 20,
      default: 1 << 20,
      description: 'The most bytes in a request of several events.',
    },
    batch_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 60_000,
      default: 500,
      description: 'How long an event waits for others while requests are unanswered.',
    },
    requests: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
      description: 'How many requests may be unanswered at once.',
    },
    retry_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 120_000,
      description:
        'How long what Splunk does not take now is sent again before the job fails, to be resumed.',
    },
    ack_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 300_000,
      description:
        'How long events may take until they are indexed, where the token has indexer acknowledgment; then they are sent again.',
    },
  },
} as const;

export const writeToSplunk = defineSink({
  name: 'WriteToSplunk',
  system: 'Splunk',
  summary: "Sends events to Splunk's HTTP Event Collector.",
  description:
    'A row, or text that is a JSON object, is an event as it is; other text is an event of text. What its field `_metadata` ' +
    'says of `time`, `host`, `source`, `sourcetype`, `index`, `fields` and `event` becomes that of the event. Else its time ' +
    'is its `timestamp` (or that of its `data`), in RFC 3339, or the event time of the element. At least once: Splunk has no ' +
    'ids, so that what is sent again after a restart, or for want of an answer, is there twice. With indexer ' +
    'acknowledgment events count as written when they are indexed, else when they are taken. Events that Splunk refuses ' +
    'fail one by one, with its reason.',
  config,
  examples: [
    {
      title: 'Log entries of a topic',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: projects/local/subscriptions/logs}
    - type: WriteToSplunk
      config: {url: https://splunk:8088, token: secret://env/SPLUNK_TOKEN, sourcetype: google:gcp:pubsub:message}
`,
    },
  ],
  accept({ form }: ElementType) {
    if (form === 'failure')
      throw new SluiceError(
        'PIPELINE_INVALID',
        'WriteToSplunk: failed elements are no events: put EncodeDeadLetters before it',
      );
  },
  reach: ({ ca_certificate: path }) => ({ network: true, reads: [path] }),
  async open(asked, context) {
    const { properties } = config;
    const { url } = readUrl(asked.url, 'the address of Splunk');
    url.pathname = url.pathname.replace(/\/services\/collector(?:\/event)?\/?$/, '');
    const where = `Splunk at ${url.origin}`;
    const requests = asked.requests ?? properties.requests.default;
    const http = openHttp({
      urls: [url],
      // The channel is ours alone: indexer acknowledgment counts in it.
      headers: { authorization: `Splunk ${asked.token}`, 'x-splunk-request-channel': randomUUID() },
      timeoutMs: asked.timeout_ms ?? properties.timeout_ms.default,
      connections: requests + 1,
      gzip: asked.compress ?? true,
      tls: await readTls(asked, context.config),
    });
    try {
      await checkCollector(http, where, context.restored === undefined ? PATIENCE_MS : 10 * PATIENCE_MS);
    } catch (error) {
      http.close();
      throw error;
    }
    const events = asked.batch_events ?? properties.batch_events.default;
    const sender = openEventSender({
      http,
      where,
      events,
      retryMs: asked.retry_ms ?? properties.retry_ms.default,
      ackMs: asked.ack_ms ?? properties.ack_ms.default,
      stage: context.stage,
    });
    const loader = openLoader<Event>(
      {
        items: events,
        bytes: asked.batch_bytes ?? properties.batch_bytes.default,
        waitMs: asked.batch_ms ?? properties.batch_ms.default,
        bulks: requests,
      },
      sender,
    );
    const { host, source, sourcetype, index } = asked;
    const defaults = {
      ...(host !== undefined && { host }),
      ...(source !== undefined && { source }),
      ...(sourcetype !== undefined && { sourcetype }),
      ...(index !== undefined && { index }),
    };
    let wrote = false;

    return {
      concurrency: 4 * requests,
      async write(batch) {
        const delivery = deliveryOf(batch);
        const made: Event[] = [];
        for (let element = 0; element < batch.count; element++) {
          const json = eventOf(batch, element, defaults);
          if (json) made.push({ delivery, element, bytes: json.length, json });
          else delivery.failed.push({ index: element, failure: { ...EMPTY, transform: context.stage } });
        }
        wrote = true;
        await loader.deliver(delivery, made);
        return failedOf(delivery);
      },
      // A write ends when its events are taken.
      prepare: async () => null,
      commit: async () => {},
      outputs: () => (wrote ? [`${url.origin}${EVENT_PATH}`] : []),
      async close() {
        loader.close();
        http.close();
      },
    };
  },
});

/** So long an answer is waited for at the start: what is not there then is refused by name. */
const PATIENCE_MS = 3000;

const EMPTY = { code: 'SPLUNK_REFUSED', message: 'the event is empty, and Splunk takes none such' };
