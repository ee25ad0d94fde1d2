/** Schemas by their numbers, from a registry that speaks Confluent's HTTP API; what was once given is kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../errors.ts';
import { type AvroType, readAvroSchema } from './avro/schema.ts';

export interface RegistrySettings {
  url: string;
  user?: string;
  password?: string;
  /** A bearer token, instead of user and password. */
  token?: string;
}

export interface SchemaRegistry {
  /** The type of a schema; text where the registry has none of that number that we can use. */
  schema(id: number): Promise<AvroType | string>;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 1 << 22;
/** A stream with ever new schemas must not fill the memory. */
const MAX_KEPT = 1000;
const MAX_REFERENCES = 100;
const FIRST_WAIT_MS = 100;
const ATTEMPTS = 8;

/** Refuses a registry that does not answer, or does not know us. @throws SluiceError SERVICE_UNREACHABLE, AUTHENTICATION_FAILED */
export async function openRegistry(settings: RegistrySettings): Promise<SchemaRegistry> {
  const get = (path: string, attempts?: number) => request(settings, path, attempts);
  // Whether it has this page is of no interest.
  await get('schemas/types', 2);
  const kept = new Map<number, AvroType | string>();
  return {
    async schema(id) {
      const known = kept.get(id);
      if (known !== undefined) return known;
      const found = await lookUp(id, get);
      const [oldest] = kept.keys();
      if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest);
      // One that is not there may be registered yet.
      if (typeof found !== 'string') kept.set(id, found);
      return found;
    },
  };
}

type Get = (path: string) => Promise<unknown>;

async function lookUp(id: number, get: Get): Promise<AvroType | string> {
  const answer = await get(`schemas/ids/${id}`);
  if (answer === undefined) return `the registry has no schema ${id}`;
  const kind = fieldOf(answer, 'schemaType') ?? 'AVRO';
  if (kind !== 'AVRO') return `schema ${id} is of ${String(kind).slice(0, 100)}, and not of Avro`;
  try {
    const others: unknown[] = [];
    await collectReferences(answer, get, others, new Set());
    const own = JSON.parse(String(fieldOf(answer, 'schema')));
    if (others.length === 0) return readAvroSchema(own, `schema ${id}`);
    // Those it refers to come first, so that their names are known.
    const all = readAvroSchema([...others, own], `schema ${id}`);
    return (all.kind === 'union' && all.branches.at(-1)) || all;
  } catch (error) {
    if (error instanceof SluiceError && error.code !== 'SCHEMA_INVALID') throw error;
    return `schema ${id} cannot be used: ${error instanceof Error ? error.message : error}`;
  }
}

async function collectReferences(
  answer: unknown,
  get: Get,
  found: unknown[],
  seen: Set<string>,
): Promise<void> {
  const references = fieldOf(answer, 'references');
  for (const reference of Array.isArray(references) ? references : []) {
    const subject = encodeURIComponent(String(fieldOf(reference, 'subject')));
    const path = `subjects/${subject}/versions/${Number(fieldOf(reference, 'version'))}`;
    if (seen.has(path)) continue;
    seen.add(path);
    if (seen.size > MAX_REFERENCES) throw new Error(`it refers to more than ${MAX_REFERENCES} others`);
    const other = await get(path);
    if (other === undefined) throw new Error(`the registry has no ${path}`);
    await collectReferences(other, get, found, seen);
    found.push(JSON.parse(String(fieldOf(other, 'schema'))));
  }
}

/** What an answer means, by its status; those that are not here are final. */
export function verdictOf(status: number): 'found' | 'missing' | 'refused' | 'retry' | 'final' {
  if (status === 200) return 'found';
  if (status === 404) return 'missing';
  if (status === 401 || status === 403) return 'refused';
  return status === 408 || status === 429 || status >= 500 ? 'retry' : 'final';
}

/** The JSON of an answer; undefined where there is nothing of that name. */
async function request(settings: RegistrySettings, path: string, attempts = ATTEMPTS): Promise<unknown> {
  const url = `${settings.url.replace(/\/+$/, '')}/${path}`;
  for (let attempt = 1; ; attempt++) {
    const { verdict, body } = await ask(url, settings);
    if (verdict === 'found') return parsed(body, url);
    if (verdict === 'missing') return undefined;
    if (verdict === 'refused')
      throw new SluiceError(
        'AUTHENTICATION_FAILED',
        `the schema registry ${url} does not accept who we are: ${body}`,
      );
    if (verdict === 'final' || attempt >= attempts)
      throw new SluiceError('SERVICE_UNREACHABLE', `the schema registry ${url} does not answer: ${body}`);
    await sleep(FIRST_WAIT_MS * 2 ** attempt * (0.75 + Math.random() / 2));
  }
}

async function ask(
  url: string,
  settings: RegistrySettings,
): Promise<{ verdict: ReturnType<typeof verdictOf>; body: string }> {
  try {
    const response = await fetch(url, {
      headers: {
        accept: 'application/vnd.schemaregistry.v1+json, application/json',
        ...credentials(settings),
      },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = await textOf(response);
    const verdict = verdictOf(response.status);
    return { verdict, body: verdict === 'found' ? body : `${response.status} ${body.slice(0, 200)}` };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { verdict: 'retry', body: cause instanceof Error ? cause.message : String(cause) };
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parsed(body: string, url: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new SluiceError(
      'SERVICE_UNREACHABLE',
      `${url} is no schema registry: it does not answer with JSON`,
    );
  }
}

function credentials({ user, password, token }: RegistrySettings): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (user === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` };
}

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
