/** Stopping jobs: nobody deletes one. */
import { audit } from '../access/audit.ts';
import type { Caller } from '../access/roles.ts';
import type { JobRecord } from '../store/record.ts';
import { isEnded, type Wish } from '../store/states.ts';
import type { Service } from './service.ts';

/**
 * Asks a job to stop at once, or to end cleanly; gives its record as it is now. Asking twice is no error.
 * @throws SluiceError JOB_NOT_FOUND, JOB_ENDED, JOB_NOT_DRAINABLE
 */
export async function stopJob(
  service: Service,
  jobId: string,
  wish: Exclude<Wish, 'UPDATED'>,
  caller: Caller,
): Promise<JobRecord> {
  const before = service.store.jobs.require(jobId);
  const record = await service.supervisor.stop(jobId, wish);
  if (!isEnded(before.state) && before.wish !== wish)
    audit(service, caller, wish === 'DRAINED' ? 'job.drain' : 'job.cancel', jobId, { name: record.name });
  return record;
}
