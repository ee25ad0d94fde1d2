import { saveJob } from '../../src/jobs/job.ts';
import type { JobEvent, Supervisor, SupervisorOptions } from '../../src/jobs/supervisor.ts';
import type { JobRecord } from '../../src/store/record.ts';
import type { Job } from '../../src/worker/job-file.ts';

/** A supervisor that takes jobs and wishes, and runs nothing: jobs stay QUEUED until the test moves them. */
export function idleSupervisor({ config, store }: SupervisorOptions): Supervisor {
  const listeners = new Set<(event: JobEvent) => void>();
  const launch: Supervisor['launch'] = async (job, record) => {
    store.jobs.insert(record);
    await saveJob(config, job);
    for (const listener of listeners) listener({ type: 'state', job: record });
    return record;
  };
  const supervisor = {
    launch,
    replace(jobId: string, job: Job, record: JobRecord) {
      store.jobs.wish(jobId, 'UPDATED');
      return launch(job, record);
    },
    async stop(jobId: string, wish: 'CANCELLED' | 'DRAINED') {
      store.jobs.wish(jobId, wish);
      const moved = store.jobs.move(jobId, wish === 'CANCELLED' ? 'CANCELLING' : 'DRAINING');
      const job = moved ?? store.jobs.require(jobId);
      for (const listener of listeners) listener({ type: 'state', job });
      return job;
    },
    subscribe(listener: (event: JobEvent) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    load: () => ({ queued: store.jobs.active('service').length, running: 0 }),
    close: async () => {},
  };
  return supervisor;
}
