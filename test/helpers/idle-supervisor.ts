import { saveJob } from '../../src/jobs/job.ts';
import type { JobEvent, Supervisor, SupervisorOptions } from '../../src/jobs/supervisor.ts';

/** A supervisor that takes jobs and wishes, and runs nothing: jobs stay QUEUED until the test moves them. */
export function idleSupervisor({ config, store }: SupervisorOptions): Supervisor {
  const listeners = new Set<(event: JobEvent) => void>();
  const launch: Supervisor['launch'] = async (job, record) => {
    store.jobs.insert(record);
    await saveJob(config, job);
    for (const listener of listeners) listener({ type: 'state', job: record });
    return record;
  };
  return {
    launch,
    replace(jobId, job, record) {
      store.jobs.wish(jobId, 'UPDATED');
      return launch(job, record);
    },
    async stop(jobId, wish) {
      store.jobs.wish(jobId, wish);
      const moved = store.jobs.move(jobId, wish === 'CANCELLED' ? 'CANCELLING' : 'DRAINING');
      const job = moved ?? store.jobs.require(jobId);
      for (const listener of listeners) listener({ type: 'state', job });
      return job;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    load: () => ({ queued: store.jobs.active('service').length, running: 0 }),
    close: async () => {},
  };
}
