/** What the interfaces (REST, gRPC, console) act on: the store, the supervisor, and what happens in them. */
import type { Config } from '../config.ts';
import { type Retention, sweep } from '../jobs/retention.ts';
import type { Supervisor, SupervisorOptions } from '../jobs/supervisor.ts';
import { type JobHome, openStore, type Store } from '../store/store.ts';
import type { Log } from './log.ts';
import { type Metrics, openMetrics } from './metrics.ts';

export interface Service {
  config: Config;
  store: Store;
  supervisor: Supervisor;
  log: Log;
  metrics: Metrics;
  limits: Pick<ServiceOptions, 'maxJobs' | 'retention'>;
}

export interface ServiceOptions {
  log: Log;
  maxJobs: number;
  openSupervisor: (options: SupervisorOptions) => Promise<Supervisor>;
  /** What is kept of ended jobs; absent: everything. */
  retention?: Pick<Retention, 'maxAgeMs' | 'maxBytes'>;
}

const SWEEP_MS = 3_600_000;

export interface OpenService extends Service {
  /** Workers go on, or drain first; then the store is closed. */
  close(options: { drain: boolean }): Promise<void>;
}

/** @throws SluiceError STORE_UNUSABLE */
export async function openService(
  config: Config,
  { log, maxJobs, openSupervisor, retention }: ServiceOptions,
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
    const sweeping = retention && sweepHourly({ config, store }, retention, log);
    return {
      config,
      store,
      supervisor,
      log,
      metrics,
      limits: { maxJobs, retention },
      close: async options => {
        await sweeping?.stop();
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

/** Removes what is not to be kept, now and every hour. */
function sweepHourly(home: JobHome, retention: Retention, log: Log): { stop(): Promise<void> } {
  const sweepOnce = async () => {
    try {
      const { removed, bytes } = await sweep(home, retention);
      if (removed.length > 0) log.info({ jobs: removed.length, bytes }, 'ended jobs were removed');
    } catch (error) {
      log.error({ err: error }, 'ended jobs could not be removed');
    }
  };
  let under = sweepOnce();
  const timer = setInterval(() => {
    under = under.then(sweepOnce);
  }, SWEEP_MS);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await under;
    },
  };
}
