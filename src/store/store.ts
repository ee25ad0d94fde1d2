/** Everything Sluice remembers of its jobs and users, in one SQLite file that several processes may share. */
import type { Config } from '../config.ts';
import { openDatabase } from './database.ts';
import { jobsIn } from './jobs.ts';
import { messagesIn } from './messages.ts';
import { progressIn } from './progress.ts';

export type Store = ReturnType<typeof openStore>;

/** @throws SluiceError STORE_UNUSABLE */
export function openStore(config: Pick<Config, 'home'>) {
  const database = openDatabase(config);
  return {
    database,
    jobs: jobsIn(database),
    messages: messagesIn(database),
    progress: progressIn(database),
    close: () => database.close(),
  };
}
