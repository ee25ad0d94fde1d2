/** Brings a request of events to its end: sent again while Splunk cannot take it, and until it is indexed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';
import { backoffMs } from '../http/backoff.ts';
import { type HttpAnswer, type HttpClient, NoAnswer } from '../http/client.ts';
import { type BulkSender, finish, type Parcel, refuse } from '../http/loader.ts';
import { CODE, verdictOf } from './retry.ts';

export interface Event extends Parcel {
  json: Buffer;
}

export interface SenderSettings {
  http: HttpClient;
  /** The server in words. */
  where: string;
  /** Most events in a request. */
  events: number;
  /** How long it goes on while nothing is taken. */
  retryMs: number;
  /** How long it waits until events are indexed, before they are sent again. */
  ackMs: number;
  /** Full name of the stage. */
  stage: string;
}

export const EVENT_PATH = '/services/collector/event';
const ACK_PATH = '/services/collector/ack';

export function openEventSender(settings: SenderSettings): BulkSender<Event> {
  const { http, where, retryMs, stage } = settings;
  const stopping = new AbortController();
  return { send, most: () => settings.events, stop: () => stopping.abort() };

  async function send(events: readonly Event[]): Promise<void> {
    const beganMs = Date.now();
    for (let attempt = 0; ; attempt++) {
      const reason = await sendOnce(events);
      if (reason === undefined) return;
      if (Date.now() - beganMs > retryMs)
        throw new SluiceError(
          'SERVICE_UNREACHABLE',
          `${where} has not taken events for ${retryMs / 1000} s: ${reason}`,
        );
      await sleep(backoffMs(attempt), undefined, { signal: stopping.signal });
    }
  }

  /** Why the events must be sent again; undefined: they need not be. */
  async function sendOnce(events: readonly Event[]): Promise<string | undefined> {
    const answer = await ask(EVENT_PATH, Buffer.concat(events.map(({ json }) => json)));
    if (answer instanceof NoAnswer) return answer.message;
    const verdict = verdictOf(answer.status);
    if (verdict === 'again') return wordAnswer(answer);
    if (verdict === 'denied') throw denied(where, answer);
    if (verdict === 'final')
      throw new SluiceError('PARAMETERS_INVALID', `${where} takes no events: ${wordAnswer(answer)}`);
    if (verdict === 'split') return split(events, answer);
    const { ackId } = saidIn(answer);
    if (typeof ackId === 'number' && !(await isIndexed(ackId))) return 'the events were not indexed in time';
    for (const event of events) finish(event);
    return undefined;
  }

  /** Refuses the event that the answer names, and sends the others; where it names none, half of them at a time. */
  async function split(events: readonly Event[], answer: HttpAnswer): Promise<undefined> {
    const number = saidIn(answer)['invalid-event-number'];
    const named = typeof number === 'number' ? events[number] : undefined;
    const guilty = named ?? (events.length === 1 ? events[0] : undefined);
    if (guilty) {
      refuse(guilty, { code: 'SPLUNK_REFUSED', message: wordAnswer(answer), transform: stage });
      // Nothing says whether those before it were taken: they are sent again rather than lost.
      const others = events.filter(event => event !== guilty);
      if (others.length > 0) await send(others);
      return undefined;
    }
    const half = Math.ceil(events.length / 2);
    await send(events.slice(0, half));
    await send(events.slice(half));
    return undefined;
  }

  async function isIndexed(ackId: number): Promise<boolean> {
    const endMs = Date.now() + settings.ackMs;
    for (let attempt = 0; Date.now() < endMs; attempt++) {
      await sleep(Math.min(backoffMs(attempt), 1000), undefined, { signal: stopping.signal });
      const answer = await ask(ACK_PATH, Buffer.from(JSON.stringify({ acks: [ackId] })));
      if (answer instanceof NoAnswer) continue;
      const { acks, code } = saidIn(answer);
      if (code === CODE.ackDisabled) return true;
      if (typeof acks === 'object' && acks !== null && Reflect.get(acks, String(ackId)) === true) return true;
    }
    return false;
  }

  async function ask(path: string, body: Buffer): Promise<HttpAnswer | NoAnswer> {
    const headers = { 'content-type': 'application/json' };
    try {
      return await http.send({ method: 'POST', path, body, headers }, stopping.signal);
    } catch (error) {
      if (error instanceof NoAnswer && !stopping.signal.aborted) return error;
      throw error;
    }
  }
}

/**
 * Checks that a collector is there and takes the token: it is sent a request without events.
 * @throws SluiceError SERVICE_UNREACHABLE, AUTHENTICATION_FAILED, PARAMETERS_INVALID
 */
export async function checkCollector(http: HttpClient, where: string, patienceMs: number): Promise<void> {
  const endMs = Date.now() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    const answer = await http
      .send({ method: 'POST', path: EVENT_PATH, headers: { 'content-length': '0' } })
      .catch((error: unknown) => {
        if (error instanceof NoAnswer) return error;
        throw error;
      });
    const verdict = answer instanceof NoAnswer ? 'again' : verdictOf(answer.status);
    if (verdict === 'taken') return;
    if (answer instanceof NoAnswer || verdict === 'again') {
      if (Date.now() > endMs) {
        const why = answer instanceof NoAnswer ? answer.message : wordAnswer(answer);
        throw new SluiceError('SERVICE_UNREACHABLE', `${where} does not answer: ${why}`);
      }
      await sleep(Math.min(backoffMs(attempt), 1000));
      continue;
    }
    if (verdict === 'denied') throw denied(where, answer);
    if (verdict === 'split' && saidIn(answer).code === CODE.noData) return;
    throw new SluiceError('PARAMETERS_INVALID', `${where} is no event collector: ${wordAnswer(answer)}`);
  }
}

const denied = (where: string, answer: HttpAnswer): SluiceError =>
  new SluiceError('AUTHENTICATION_FAILED', `${where} does not accept the token: ${wordAnswer(answer)}`);

interface Said {
  text?: unknown;
  code?: unknown;
  ackId?: unknown;
  acks?: unknown;
  'invalid-event-number'?: unknown;
}

function saidIn({ body }: HttpAnswer): Said {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // No JSON: a proxy's page.
  }
  return {};
}

function wordAnswer(answer: HttpAnswer): string {
  const { text, code } = saidIn(answer);
  const said = typeof text === 'string' ? `${text} (code ${code})` : answer.body.toString('utf8', 0, 300);
  return `status ${answer.status}: ${said.replace(/\s+/g, ' ')}`;
}
