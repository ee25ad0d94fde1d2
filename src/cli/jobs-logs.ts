/** `sluice jobs logs`: the messages of a job, and with `-f` those to come. */
import type { JobMessage } from '../store/messages.ts';
import { isEnded } from '../store/states.ts';
import type { Severity } from '../worker/protocol.ts';
import { type Client, connect, type ServerOptions } from './client.ts';
import { printJson } from './output.ts';
import { eventsOf } from './server-events.ts';
import { dataflowPath, findJob, getJob, type ServedJob } from './server-job.ts';
import { clock, printable } from './tables.ts';

export interface LogOptions extends ServerOptions {
  follow?: boolean;
  severity: Severity;
  json?: boolean;
}

interface Message {
  id: string;
  /** RFC 3339. */
  time: string;
  severity: Severity;
  /** With the transform before it, if it is one that speaks. */
  text: string;
}

/** Dataflow's names, in ascending order, which the numbers of its protocol are not. */
const importance: Record<Severity, string> = {
  DEBUG: 'JOB_MESSAGE_DEBUG',
  INFO: 'JOB_MESSAGE_BASIC',
  WARNING: 'JOB_MESSAGE_WARNING',
  ERROR: 'JOB_MESSAGE_ERROR',
};
const severities = Object.keys(importance) as Severity[];

/** Before the first message. */
const START = '0';
const PAGE = 1000;

export async function logs(idOrName: string, options: LogOptions): Promise<void> {
  const client = connect(options);
  const job = await findJob(client, idOrName);
  const { follow = false, severity, json = false } = options;
  if (follow) {
    for await (const message of toCome(client, job, severity))
      process.stdout.write(json ? `${JSON.stringify(message)}\n` : lineOf(message));
    return;
  }
  const messages: Message[] = [];
  for await (const message of told(client, job, severity)) {
    if (json) messages.push(message);
    else process.stdout.write(lineOf(message));
  }
  if (json) printJson({ jobId: job.id, messages });
}

const lineOf = ({ time, severity, text }: Message): string =>
  `${clock(time)}  ${severity.padEnd(7)}  ${printable(text)}\n`;

interface DataflowMessage {
  id: string;
  time: string;
  messageText: string;
  messageImportance: string;
}

async function* told(client: Client, job: ServedJob, least: Severity): AsyncGenerator<Message> {
  let pageToken: string | undefined;
  do {
    const page = await client.get<{ jobMessages?: DataflowMessage[]; nextPageToken?: string }>(
      `${dataflowPath(job)}/messages`,
      { query: { minimumImportance: importance[least], pageSize: PAGE, pageToken } },
    );
    for (const { id, time, messageText, messageImportance } of page.jobMessages ?? []) {
      const severity = severities.find(each => importance[each] === messageImportance) ?? 'INFO';
      yield { id, time, severity, text: messageText };
    }
    pageToken = page.nextPageToken;
  } while (pageToken);
}

/** All messages of the job, until it has ended. */
async function* toCome(client: Client, { id: jobId }: ServedJob, least: Severity): AsyncGenerator<Message> {
  const isOver = async () => isEnded((await getJob(client, jobId)).state);
  for await (const { type, data } of eventsOf(client, `/api/jobs/${jobId}/events`, {
    after: START,
    isOver,
  })) {
    if (type !== 'message') continue;
    const { id, time, severity, text, stage } = data as JobMessage;
    if (severities.indexOf(severity) < severities.indexOf(least)) continue;
    yield {
      id: String(id),
      time: new Date(time).toISOString(),
      severity,
      text: stage ? `${stage}: ${text}` : text,
    };
  }
}
