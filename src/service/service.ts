/** What the interfaces (REST, gRPC, console) act on: the store, the supervisor, and what happens in them. */
import type { Config } from '../config.ts';
import type { Supervisor, SupervisorOptions } from '../jobs/supervisor.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Log } from './log.ts';
import { type Metrics, openMetrics } from './metrics.ts';

export interface Service {
  config: Config;
  store: Store;
  supervisor: Supervisor;
  log: Log;
  metrics: Metrics;
}

export interface ServiceOptions {
  log: Log;
  maxJobs: number;
  openSupervisor: (options: SupervisorOptions) => Supervisor | Promise<Supervisor>;
}

export interface OpenService extends Service {
  /** Workers go on, or drain first; then the store is closed. */
  close(options: { drain: boolean }): Promise<void>;
}

/** @throws SluiceError STORE_UNUSABLE */
export async function openService(
  config: Config,
  { log, maxJobs, openSupervisor }: ServiceOptions,
): Promise<OpenService> {
  const store = openStore(config);
  try {
    const supervisor = await openSupervisor({
      config,
      store,
      maxJobs,
      onFault: (error, jobId) => log.error({ jobId, err: error }, 'a job could not be watched'),
    });
    const metrics = openMetrics({ store, supervisor });
    const unsubscribe = supervisor.subscribe(event => {
      if (event.type !== 'state') return;
      const { id, name, state, templateId, result } = event.job;
      log.info({ jobId: id, name, templateId, state, ...(result?.error && { error: result.error }) }, 'job');
    });
    return {
      config,
      store,
      supervisor,
      log,
      metrics,
      close: async options => {
        await supervisor.close(options);
        unsubscribe();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}
