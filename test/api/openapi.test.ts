import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { tokensIn } from '../../src/access/tokens.ts';
import { operations } from '../../src/api/app.ts';
import { openApiOf } from '../../src/api/openapi.ts';
import { prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

interface Parameter {
  name: string;
  in: 'path' | 'query';
  required: boolean;
  example?: string;
}

interface Described {
  operationId: string;
  parameters: Parameter[];
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

interface Document {
  paths: Record<string, Record<string, Described>>;
}

/** What is refused although it is asked for rightly, and why. */
const REFUSED: Record<string, string> = {
  createJob: 'NOT_IMPLEMENTED',
  snapshotJob: 'NOT_IMPLEMENTED',
  listJobSnapshots: 'NOT_IMPLEMENTED',
  listSnapshots: 'NOT_IMPLEMENTED',
  getSnapshot: 'NOT_IMPLEMENTED',
  deleteSnapshot: 'NOT_IMPLEMENTED',
  replayDeadLetters: 'REPLAY_REFUSED',
};

/** What stands for the variables of paths, where the operation has no example of its own. */
const KNOWN: Record<string, string> = { projectId: 'local', location: 'us-central1', snapshotId: 'none' };

/** Makes what an operation is about; gives the variables of its path. */
const PREPARED: Record<string, (server: TestServer) => Promise<Record<string, string>>> = {
  getUdfVersion: async ({ put }) => {
    const { body } = await put('/api/udfs/shout', 'const shout = line => line;', {
      headers: { 'content-type': 'text/javascript' },
    });
    return { name: 'shout', version: body.version };
  },
  revokeToken: async ({ service }) => {
    tokensIn(service.store).create('old', 'viewer');
    return { name: 'old' };
  },
};

/** Ids of further paths of an operation end with their number. */
const idOf = ({ operationId }: Described): string => operationId.replace(/_\d+$/, '');

const escaped = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

const described = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => ({ path, method, each })),
  );

test('the document is OpenAPI 3.1', async t => {
  const { get } = await startServer(t);
  const { body } = await get('/openapi.json');
  assert.equal(body.openapi, '3.1.0');
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(body));
  assert.deepEqual([valid, errors], [true, undefined]);
});

test('every operation is in the document, at all its paths, with an id of its own', async t => {
  const { get } = await startServer(t);
  const all = described((await get('/openapi.json')).body);
  for (const { id, method, path, alsoAt = [] } of operations)
    for (const each of [path, ...alsoAt])
      assert.ok(
        all.some(other => other.path === each && other.method === method && idOf(other.each) === id),
        each,
      );
  const ids = all.map(({ each }) => each.operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(
    ids.length,
    operations.reduce((sum, { alsoAt = [] }) => sum + 1 + alsoAt.length, 0),
  );
});

test('parts with a title are written once, and a second schema of that title stays where it is', () => {
  const operation = (id: string, item: object) => ({
    id,
    tag: 'Test',
    summary: id,
    method: 'get' as const,
    path: `/${id}`,
    role: 'viewer' as const,
    response: { type: 'object', properties: { item, title: { type: 'string' } } },
    handle: () => ({}),
  });
  const thing = { title: 'Thing', type: 'string' };
  const document = openApiOf([
    operation('a', thing),
    operation('b', { ...thing }),
    operation('c', { title: 'Thing', type: 'integer' }),
  ]) as unknown as Document & { components: { schemas: Record<string, object> } };
  const itemOf = (path: string) =>
    Object(document.paths[path]?.get?.responses['200']?.content['application/json']?.schema).properties;
  assert.deepEqual(document.components.schemas.Thing, thing);
  assert.deepEqual(itemOf('/a'), { item: { $ref: '#/components/schemas/Thing' }, title: { type: 'string' } });
  assert.deepEqual(itemOf('/b'), itemOf('/a'));
  assert.deepEqual(itemOf('/c'), {
    item: { title: 'Thing', type: 'integer' },
    title: { type: 'string' },
  });
});

test('every operation takes its example and answers what the document says', async t => {
  const server = await startServer(t, { as: 'admin' });
  const document: Document = (await server.get('/openapi.json')).body;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'document');
  const faults: string[] = [];
  for (const { path, method, each } of described(document)) {
    const own = await PREPARED[idOf(each)]?.(server);
    const known = { ...KNOWN, jobId: await onlyJob(server), ...own };
    const fault = await call(server, { path, method, each }, known, (status, type, body) => {
      const at = status === 200 ? '200' : `${Math.floor(status / 100)}XX`;
      const place =
        status === 200
          ? `paths/${escaped(path)}/${method}/responses/${at}/content/${escaped(type)}/schema`
          : 'components/schemas/Error';
      const validate = ajv.compile({ $ref: `document#/${place}` });
      return validate(body) ? undefined : ajv.errorsText(validate.errors);
    });
    if (fault) faults.push(`${each.operationId}: ${fault}`);
  }
  assert.deepEqual(faults, []);
});

/** A job that has just been launched, and no other. */
async function onlyJob({ service, config }: TestServer): Promise<string> {
  service.store.database.exec('DELETE FROM jobs');
  const prepared = await prepareJob(config, {
    templateId: 'GCS_Text_to_GCS_Text',
    parameters: { inputFilePattern: 'gs://bucket/in/*', outputDirectory: 'gs://bucket/out/' },
  });
  const record = newRecord(prepared, { launchedBy: 'local', owner: 'service' });
  return (await service.supervisor.launch(prepared.job, record)).id;
}

/** Calls an operation as its example says; gives what is wrong with the answer. */
async function call(
  server: TestServer,
  { path, method, each }: { path: string; method: string; each: Described },
  known: Record<string, string>,
  check: (status: number, type: string, body: unknown) => string | undefined,
): Promise<string | undefined> {
  const query = new URLSearchParams();
  let place = path;
  for (const { name, in: where, required, example } of each.parameters) {
    const value = example ?? (where === 'path' ? known[name] : undefined);
    if (value === undefined && required) return `the ${where} parameter ${name} has no example`;
    if (value === undefined) continue;
    if (where === 'query') query.set(name, value);
    else place = place.replace(`{${name}}`, encodeURIComponent(value));
  }
  const [content] = Object.entries(each.requestBody?.content ?? {});
  if (content && content[1].example === undefined) return 'the body has no example';
  const gone = new AbortController();
  const response = await server.fetch(`${place}?${query}`, {
    method,
    signal: gone.signal,
    ...(content && {
      headers: { 'content-type': content[0] },
      body: typeof content[1].example === 'string' ? content[1].example : JSON.stringify(content[1].example),
    }),
  });
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
  if (response.status === 200 && !each.responses['200']?.content[type]) return `answers ${type}`;
  if (type === 'text/event-stream') {
    gone.abort();
    return;
  }
  const text = await response.text();
  const body = type === 'application/json' ? JSON.parse(text) : text;
  const refused = REFUSED[idOf(each)];
  const reason = body.error?.details?.find((detail: Record<string, unknown>) => 'reason' in detail)?.reason;
  if (reason !== refused) return `${response.status} ${JSON.stringify(body).slice(0, 300)}`;
  return check(response.status, type, body);
}
