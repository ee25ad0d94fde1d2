/** The events of a server as they happen, across lost connections and restarts of the server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, SluiceError } from '../errors.ts';
import type { Client } from './client.ts';

export interface ServerEvent {
  /** The event's name, e.g. `state`, `progress` or `message`. */
  type: string;
  /** Where to go on after it. */
  id?: string;
  data: unknown;
}

export interface EventOptions {
  /** Only what came after the event of this id. */
  after?: string;
  /** Asked when the server has ended the stream: true when nothing more can come. */
  isOver(): Promise<boolean>;
  signal?: AbortSignal;
}

/** A server sends a sign of life more often than this. */
const SILENCE_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** How long a server may be away before the caller is told. */
const PATIENCE_MS = 60_000;
/** The longest event that is taken: more is no event of ours. */
const MAX_EVENT = 8 << 20;

/**
 * Gives each event once, and goes on where it was when the connection is lost. It ends when the job has.
 * @throws SluiceError what the server refuses; SERVER_UNREACHABLE when it has been away for too long
 */
export async function* eventsOf(
  client: Client,
  path: string,
  { after, isOver, signal }: EventOptions,
): AsyncGenerator<ServerEvent> {
  let last = after;
  let pauseMs = FIRST_PAUSE_MS;
  let lostAt: number | undefined;
  while (!signal?.aborted) {
    try {
      for await (const event of connectionOf(client, path, last, signal)) {
        last = event.id ?? last;
        pauseMs = FIRST_PAUSE_MS;
        lostAt = undefined;
        yield event;
      }
      if (await isOver()) return;
    } catch (error) {
      if (signal?.aborted) return;
      if (!isLoss(error)) throw error;
      lostAt ??= Date.now();
      if (Date.now() - lostAt > PATIENCE_MS) throw error;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** True for what a server says, or does not say, that is being restarted or has too much to do. */
export const isLoss = (error: unknown): boolean => error instanceof SluiceError && LOSSES.has(error.code);

const LOSSES: ReadonlySet<ErrorCode> = new Set(['SERVER_UNREACHABLE', 'NOT_READY', 'TOO_MANY_REQUESTS']);

async function* connectionOf(
  client: Client,
  path: string,
  last: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ServerEvent> {
  const silent = new AbortController();
  const silence = setTimeout(() => silent.abort(), SILENCE_MS);
  const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) };
  const stop = signal ? AbortSignal.any([signal, silent.signal]) : silent.signal;
  try {
    const stream = await client.stream(path, { headers, signal: stop });
    yield* parseEvents(stream, () => silence.refresh());
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw new SluiceError('SERVER_UNREACHABLE', `the connection to ${client.url} was lost`, { cause: error });
  } finally {
    clearTimeout(silence);
    silent.abort();
  }
}

/** The events in a stream of `text/event-stream`; comments, which are signs of life, are left out. */
export async function* parseEvents(
  stream: AsyncIterable<Uint8Array>,
  onChunk: () => void = () => {},
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of stream) {
    onChunk();
    pending += decoder.decode(chunk, { stream: true });
    const blocks = pending.split(/\r?\n\r?\n/);
    pending = blocks.pop() ?? '';
    if (pending.length > MAX_EVENT) throw new SluiceError('SERVER_UNREACHABLE', 'an event is far too long');
    for (const block of blocks) {
      const event = eventOf(block);
      if (event) yield event;
    }
  }
}

function eventOf(block: string): ServerEvent | undefined {
  const fields: Record<string, string> = {};
  for (const line of block.split(/\r?\n/)) {
    const [, name, value = ''] = /^([a-z]+):? ?(.*)$/.exec(line) ?? [];
    if (name === 'data' && fields.data !== undefined) fields.data += `\n${value}`;
    else if (name) fields[name] = value;
  }
  if (fields.data === undefined) return undefined;
  const { event: type = 'message', id, data } = fields;
  return { type, ...(id !== undefined && { id }), data: JSON.parse(data) };
}
