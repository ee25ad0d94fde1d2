/** How far a program has been followed, in a file of its worker's folder: whoever follows it next goes on there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceText } from '../../worker/claim.ts';
import type { WorkerWish } from '../../worker/protocol.ts';
import { atBeginning, type LogPosition } from './program-log.ts';
import { emptyReport, type ProgramReport } from './program-report.ts';

export type StreamName = 'stdout' | 'stderr';

export interface Relayed {
  /** The id of the container. */
  container: string;
  positions: Record<StreamName, LogPosition>;
  report: ProgramReport;
  hasToldRunning: boolean;
  /** What it has been asked for. */
  asked?: WorkerWish;
  /** It was followed before. */
  isFound: boolean;
}

const fileIn = (directory: string): string => join(directory, 'relay.json');

/** What is known of this container. */
export function relayedOf(directory: string, container: string): Relayed {
  const kept = keptIn(directory);
  if (kept?.container === container) return { ...kept, isFound: true };
  return {
    container,
    positions: { stdout: atBeginning, stderr: atBeginning },
    report: emptyReport(),
    hasToldRunning: false,
    isFound: false,
  };
}

/** True when a program was started in this folder before, whatever became of it. */
export const wasStarted = (directory: string): boolean => keptIn(directory) !== undefined;

export function keepRelay(directory: string, relayed: Relayed): void {
  replaceText(fileIn(directory), JSON.stringify(relayed));
}

/** The folder is ours alone: of the program's files none lies in it, but below. */
function keptIn(directory: string): Relayed | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(directory), 'utf8'));
  } catch {
    // There is none, or a crash of the machine has left it empty.
    return undefined;
  }
}
