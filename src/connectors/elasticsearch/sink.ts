/** `WriteToElasticsearch`: documents into Elasticsearch or OpenSearch, in bulks. */
import { defineSink, type ElementType, type Sink, type StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { type HttpClient, openHttp } from '../http/client.ts';
import { deliveryOf, failedOf, openLoader } from '../http/loader.ts';
import { basicAuthorization, readTls } from '../http/settings.ts';
import { type Address, readAddress } from './address.ts';
import { type Addressing, addressed } from './addressing.ts';
import { openBulkSender } from './bulk-sender.ts';
import { isDataStream, isThere, readProduct } from './client.ts';
import { config } from './config.ts';
import { openFunctions } from './functions.ts';
import { ownIds } from './own-ids.ts';
import type { Action } from './retry.ts';

export const writeToElasticsearch = defineSink({
  name: 'WriteToElasticsearch',
  system: 'Elasticsearch',
  summary: 'Writes documents to Elasticsearch (7 to 9) or OpenSearch (1 to 3).',
  description:
    'Rows become documents as they are. Where no id is given, a message is written under its own id and a line of a ' +
    'file under its place, so that what is delivered again after a restart is not doubled; elements that come from ' +
    'neither get ids from the server, and may be doubled then. With CREATE, an id that is taken counts as written ' +
    'when it is one of those, or when the document there is the same; else the element fails with ' +
    "ELASTICSEARCH_CONFLICT. Documents the server refuses fail one by one, with its reason; what it can't take now is " +
    'sent again, in smaller bulks. Of documents with the same id the last one stays.',
  config,
  examples: [
    {
      title: 'Orders from a topic, one document for each number',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: projects/local/subscriptions/orders}
    - type: ParseJson
    - type: WriteToElasticsearch
      config:
        url: http://localhost:9200
        index: orders
        id_field: number
`,
    },
  ],
  accept: checkInput,
  reach: config => ({
    network: true,
    reads: [
      config.ca_certificate,
      config.id_function?.path,
      config.index_function?.path,
      config.routing_function?.path,
      config.delete_function?.path,
    ],
  }),
  async open(asked, context) {
    const settings: Settings = asked;
    checkIndex(settings.index);
    const address = readAddress(settings.url);
    const http = openHttp({
      urls: address.urls,
      headers: authorization(settings, address),
      timeoutMs: asked.timeout_ms ?? config.properties.timeout_ms.default,
      connections: requestsOf(settings) + 1,
      gzip: asked.compress ?? false,
      tls: await readTls(asked, context.config),
    });
    try {
      await requireServer(http, settings, context, address);
      return await openSink(http, settings, context, address);
    } catch (error) {
      http.close();
      throw error;
    }
  },
});

interface Settings {
  url: string | readonly string[];
  index?: string;
  action?: 'INDEX' | 'CREATE' | 'DELETE';
  partial_update?: boolean;
  id_field?: string;
  key_as_id?: boolean;
  index_field?: string;
  routing_field?: string;
  id_function?: { path?: string; name?: string };
  index_function?: { path?: string; name?: string };
  routing_function?: { path?: string; name?: string };
  delete_function?: { path?: string; name?: string };
  username?: string;
  password?: string;
  api_key?: string;
  batch_documents?: number;
  batch_bytes?: number;
  batch_ms?: number;
  requests?: number;
  retry_ms?: number;
}

const { batch_documents, batch_bytes, batch_ms, requests, retry_ms } = config.properties;
const requestsOf = (settings: Settings): number => settings.requests ?? requests.default;

function actionOf({ action = 'INDEX', partial_update: partial }: Settings): Action {
  if (partial && action !== 'DELETE') return 'update';
  return ({ INDEX: 'index', CREATE: 'create', DELETE: 'delete' } as const)[action];
}

/** So long an answer is waited for at the start: what is not there then is refused by name. */
const PATIENCE_MS = 3000;

/** Refuses what cannot become documents, before anything runs. */
function checkInput({ form }: ElementType, settings: Settings): void {
  const fault = (what: string) => new SluiceError('PIPELINE_INVALID', `WriteToElasticsearch: ${what}`);
  if (form === 'text') throw fault('it takes rows, and its input is text: put ParseJson before it');
  if (form === 'failure') throw fault('failed elements are no documents: put EncodeDeadLetters before it');
  const { index, index_field: field, index_function: called } = settings;
  const hasId =
    settings.id_field !== undefined || settings.key_as_id || settings.id_function?.path !== undefined;
  if (index === undefined && field === undefined && called?.path === undefined)
    throw fault('give the index, or the index_field or index_function that tells it');
  if (settings.action === 'DELETE' && !hasId)
    throw fault('to delete it must know ids: give id_field, key_as_id or id_function');
  if (settings.delete_function?.path !== undefined && !hasId)
    throw fault('a delete_function asks for ids: give id_field, key_as_id or id_function');
}

/** What the server says of names, but said before anything is sent. Dates in angle brackets are its own affair. */
function checkIndex(index: string | undefined): void {
  if (index === undefined || index.startsWith('<')) return;
  const isFit =
    /^[^-_+\\/*?"<>| ,#:][^\\/*?"<>| ,#:]*$/.test(index) &&
    !/^\.\.?$/.test(index) &&
    Buffer.byteLength(index) <= 255;
  if (!isFit)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `'${index.slice(0, 300)}' cannot be the name of an index: it takes none of \\ / * ? " < > | , # : and spaces, not beginning with - _ or +, at most 255 bytes`,
    );
}

/** Checks that a server is there, takes us and what we are to write. */
async function requireServer(
  http: HttpClient,
  settings: Settings,
  { restored, report }: StageContext,
  { urls }: Address,
): Promise<void> {
  const where = wordServer(urls);
  // A job that goes on may have outlived its server: that is given the time to come back.
  const product = await readProduct(http, where, restored === undefined ? PATIENCE_MS : 10 * PATIENCE_MS);
  report(
    'INFO',
    product ? `${where} is ${product.name} ${product.version}` : `${where} does not tell its version`,
  );
  const { index } = settings;
  if (index === undefined) return;
  if (index !== index.toLowerCase() && !(await isThere(http, index)))
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `'${index}' cannot be the name of an index: it must be in lower case`,
    );
  if (actionOf(settings) !== 'create' && (await isDataStream(http, index)))
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${index} is a data stream, which takes new documents only: use the action CREATE`,
    );
}

async function openSink(
  http: HttpClient,
  settings: Settings,
  context: StageContext,
  { urls }: Address,
): Promise<Sink> {
  const { stage, keptAs, input = { form: 'row' } } = context;
  const functions = await openFunctions(
    {
      id: settings.id_function,
      index: settings.index_function,
      routing: settings.routing_function,
      isDelete: settings.delete_function,
    },
    stage,
    context.config,
  );
  const addressing: Addressing = {
    action: actionOf(settings),
    ...(settings.index !== undefined && { index: settings.index }),
    ...(settings.id_field !== undefined && { idField: settings.id_field }),
    ...(settings.index_field !== undefined && { indexField: settings.index_field }),
    ...(settings.routing_field !== undefined && { routingField: settings.routing_field }),
    ...(functions && { functions }),
    keyAsId: settings.key_as_id ?? false,
    ownIds: ownIds(keptAs.jobId, keptAs.stage),
    stage,
  };
  const documents = settings.batch_documents ?? batch_documents.default;
  const where = wordServer(urls);
  const sender = openBulkSender({
    http,
    where,
    documents,
    retryMs: settings.retry_ms ?? retry_ms.default,
    ownIndexes: settings.index_field !== undefined || settings.index_function?.path !== undefined,
    stage,
  });
  const bulks = requestsOf(settings);
  const loader = openLoader(
    {
      items: documents,
      bytes: settings.batch_bytes ?? batch_bytes.default,
      waitMs: settings.batch_ms ?? batch_ms.default,
      bulks,
    },
    sender,
  );
  let wrote = false;
  let queued: Promise<unknown> = Promise.resolve();

  return {
    // A request takes several batches, and those of the next ones must be there when it is answered.
    concurrency: 8 * bulks,
    async write(batch) {
      const delivery = deliveryOf(batch);
      wrote = true;
      const documents = addressed(delivery, addressing, input);
      // Functions may be done with a later batch first; documents of one id go in the order in which they came.
      const before = queued;
      queued = documents.then(() => before);
      queued.catch(() => {});
      const [ready] = await Promise.all([documents, before]);
      await loader.deliver(delivery, ready);
      return failedOf(delivery);
    },
    // A write ends when its documents are answered: there is nothing that is not durable.
    prepare: async () => null,
    commit: async () => {},
    outputs: () => (wrote ? [`${urls[0]?.origin}/${settings.index ?? ''}`] : []),
    async close() {
      loader.close();
      http.close();
      await functions?.close();
    },
  };
}

const wordServer = (urls: readonly URL[]): string =>
  `Elasticsearch at ${urls.map(url => url.origin).join(', ')}`;

function authorization(
  { username, password, api_key: apiKey }: Settings,
  { user, password: ofUrl }: Address,
): Record<string, string> {
  const name = username ?? user;
  if (name !== undefined) return { authorization: basicAuthorization(name, password ?? ofUrl ?? '') };
  return apiKey === undefined ? {} : { authorization: `ApiKey ${apiKey}` };
}
