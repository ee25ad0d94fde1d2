/** Replacing a streaming job by a new one of the same name, which takes over where it is. */
import { SluiceError } from '../errors.ts';
import type { PreparedJob } from '../launch/prepare.ts';
import type { JobRecord } from '../store/record.ts';
import type { Service } from './service.ts';

/** @throws SluiceError JOB_NOT_FOUND, UPDATE_REFUSED */
export async function updateJob(
  _service: Service,
  _prepared: PreparedJob,
  _record: JobRecord,
): Promise<JobRecord> {
  throw new SluiceError('NOT_IMPLEMENTED', 'Jobs cannot be updated yet: drain the job and launch it anew.');
}

/** What `updateJob` would refuse. */
export async function checkUpdate(service: Service, prepared: PreparedJob, record: JobRecord): Promise<void> {
  await updateJob(service, prepared, record);
}
