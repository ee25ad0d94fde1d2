/** Where a job's workers keep what they and their launcher tell each other, below the folder of the job. */
import { dirname, join } from 'node:path';

/** The folder of one worker: its checkpoint, its stages' files, and the files below. */
export const workerDirectory = (jobFile: string, index: number): string =>
  join(dirname(jobFile), 'workers', String(index));

/** What is wished of the job's workers: `{"wish": "drain"}`. */
export const wishFile = (jobFile: string): string => join(dirname(jobFile), 'wish.json');

/** What a worker told that must not be lost, a line each; the older part of it when it has grown long. */
export const eventsFile = (directory: string): string => join(directory, 'events.ndjson');
export const olderEventsFile = (directory: string): string => join(directory, 'events.1.ndjson');

/** How far a worker has come. */
export const progressFile = (directory: string): string => join(directory, 'progress.json');

/** What a worker said when it did not end as it should. */
export const stderrFile = (directory: string): string => join(directory, 'stderr.log');

/** Which worker is to work in a folder, by the token it was started with: one that was started before it stays away. */
export const turnFile = (directory: string): string => join(directory, 'turn');
