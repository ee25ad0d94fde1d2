/** How far a worker has come, as it has told. */
import { readPlain } from '../engine/plain-file.ts';
import { checkProgress } from './check-told.ts';
import { progressFile } from './places.ts';
import type { WorkerProgress } from './protocol.ts';

const MAX_BYTES = 1 << 20;

/** Undefined where it has told nothing yet; `directory` is the worker's. @throws SluiceError WORKER_FAULTY */
export async function readProgress(directory: string): Promise<WorkerProgress | undefined> {
  const text = await readPlain(progressFile(directory), MAX_BYTES);
  let progress: unknown;
  try {
    progress = JSON.parse(text ?? '');
  } catch {
    // It is not synced, so a crash of the machine may leave it empty.
    return undefined;
  }
  return checkProgress(progress);
}
