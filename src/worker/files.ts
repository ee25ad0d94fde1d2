/** A worker that outlives its launcher: events and progress go to files, and a file says what is wished of it. */
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemCode } from '../errors.ts';
import { MAX_OUTPUTS } from './check-told.ts';
import { replaceText } from './claim.ts';
import { openEventLog } from './event-log.ts';
import { limitMessages, type Message } from './message-limit.ts';
import { progressFile, wishFile, workerDirectory } from './places.ts';
import type { Channel, WorkerEvent, WorkerWish } from './protocol.ts';

const LOOK_MS = 100;
/** Longer texts are cut: a message is read by people. */
const MAX_TEXT = 4000;
const MAX_OUTPUTS_TEXT = 1 << 20;

/** Opens the files of this worker's folder, which it must have claimed; `token` is its own among all that ever ran. */
export function openFiles(jobFile: string, index: number, token: string): Channel {
  const directory = workerDirectory(jobFile, index);
  // Folders change hands: a job that takes over from another one goes on in that one's.
  const jobId = basename(dirname(jobFile));
  const log = openEventLog(directory, `${jobId}/${index}/${token}`);
  const limit = limitMessages();
  const note = (messages: Message[]) => {
    for (const message of messages) log.append({ ...message, text: cut(message.text) });
  };
  log.append({ type: 'started' });
  return {
    async tell(event: WorkerEvent) {
      if (event.type === 'progress') {
        orLater(() => replaceText(progressFile(directory), JSON.stringify(event.progress)));
      } else if (event.type === 'message') {
        orLater(() => note(limit.take(event)));
      } else if (event.type === 'running') {
        log.append(event);
      } else {
        note(limit.flush());
        log.append(event.type === 'ended' ? { ...event, outputs: fewOf(event.outputs) } : event, {
          durable: true,
        });
      }
    },
    onWish: listener => watchWish(wishFile(jobFile), listener),
  };
}

/** On a full disk the work is what counts: what is told again, or is only a word on the way, may be missing. */
function orLater(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (systemCode(error) !== 'ENOSPC' && systemCode(error) !== 'EDQUOT') throw error;
  }
}

/** A stream may have made files for years: whoever reads it takes so many names, and so long a line. */
function fewOf(outputs: readonly string[]): string[] {
  let left = MAX_OUTPUTS_TEXT;
  return outputs.slice(0, MAX_OUTPUTS).filter(({ length }) => {
    left -= length;
    return left >= 0;
  });
}

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

function watchWish(path: string, listener: (wish: WorkerWish) => void): void {
  let last = '';
  const look = async () => {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text !== last) {
      last = text;
      const wish = text && JSON.parse(text).wish;
      if (wish === 'drain' || wish === 'cancel' || wish === 'handover') listener(wish);
    }
    setTimeout(look, LOOK_MS);
  };
  void look();
}
