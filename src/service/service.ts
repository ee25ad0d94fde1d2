/** What the interfaces (REST, gRPC, console) act on: the store, the supervisor, and what happens in them. */
import type { Config } from '../config.ts';
import type { Supervisor } from '../jobs/supervisor.ts';
import type { Store } from '../store/store.ts';
import type { Log } from './log.ts';

export interface Service {
  config: Config;
  store: Store;
  supervisor: Supervisor;
  log: Log;
}
