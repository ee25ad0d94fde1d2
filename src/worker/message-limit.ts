/** How many messages a worker may tell: one for each element must not fill the disk. */
import type { Severity, WorkerEvent } from './protocol.ts';

export type Message = Extract<WorkerEvent, { type: 'message' }>;

export interface MessageLimit {
  /** The messages to tell now that this one has come: none, it, or how many were left out and it. */
  take(message: Message): Message[];
  /** What is still to be told of those that were left out. */
  flush(): Message[];
}

/** So many at once, and then so many a second. */
export interface MessageRate {
  burst: number;
  perSecond: number;
}

const OF_A_WORKER: MessageRate = { burst: 200, perSecond: 1 };

/** Warnings and errors have a measure of their own, so that no chatter hides them. */
export function limitMessages(nowMs: () => number = Date.now, rate: MessageRate = OF_A_WORKER): MessageLimit {
  const quiet = bucket(nowMs, rate);
  const loud = bucket(nowMs, rate);
  const of = (severity: Severity) => (severity === 'DEBUG' || severity === 'INFO' ? quiet : loud);
  return {
    take: message => of(message.severity).take(message),
    flush: () => [...quiet.flush(), ...loud.flush()],
  };
}

function bucket(nowMs: () => number, { burst, perSecond }: MessageRate): MessageLimit {
  let allowed = burst;
  let filledMs = nowMs();
  let leftOut = 0;
  let last: Message | undefined;
  const flush = (): Message[] => {
    if (!last || leftOut === 0) return [];
    const { severity, time } = last;
    const text = `${leftOut} more messages were left out: after ${burst} at once, ${perSecond} a second is kept`;
    leftOut = 0;
    return [{ type: 'message', severity, text, time }];
  };
  return {
    flush,
    take(message) {
      const now = nowMs();
      allowed = Math.min(burst, allowed + (Math.max(0, now - filledMs) / 1000) * perSecond);
      filledMs = now;
      last = message;
      // The word about those left out takes a place too.
      if (allowed < (leftOut > 0 ? 2 : 1)) {
        leftOut++;
        return [];
      }
      const told = [...flush(), message];
      allowed -= told.length;
      return told;
    },
  };
}
