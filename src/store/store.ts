/** Everything Sluice remembers of its jobs and users, in one SQLite file that several processes may share. */
import type { Config } from '../config.ts';
import { openDatabase, transaction } from './database.ts';
import { jobsIn } from './jobs.ts';
import { messagesIn } from './messages.ts';
import { progressIn } from './progress.ts';

export type Store = ReturnType<typeof openStore>;

/** Where jobs are kept: their records in the store, their folders below the home that the configuration names. */
export interface JobHome {
  config: Config;
  store: Store;
}

/** @throws SluiceError STORE_UNUSABLE */
export function openStore(config: Pick<Config, 'home'>) {
  const database = openDatabase(config);
  return {
    database,
    /** Runs `work`, whose changes are all kept or none; it must not wait for anything. */
    transaction: <T>(work: () => T): T => transaction(database, work),
    jobs: jobsIn(database),
    messages: messagesIn(database),
    progress: progressIn(database),
    close: () => database.close(),
  };
}
