/** Jobs that the process that launches them runs itself. */
import { SluiceError } from '../errors.ts';
import { enter, takeUp } from '../jobs/foreground-owner.ts';
import { saveJob } from '../jobs/job.ts';
import type { JobRecord } from '../store/record.ts';
import type { JobHome, Store } from '../store/store.ts';
import type { PreparedJob } from './prepare.ts';
import { type Launched, newRecord } from './record.ts';
import { withSecrets } from './secrets.ts';

/** Saves a job and takes it into the store. @throws SluiceError REPLAY_REFUSED when another replay has the number */
export async function launchForeground(
  { config, store }: JobHome,
  prepared: Pick<PreparedJob, 'job' | 'secrets'>,
  launched: Partial<Launched> = {},
): Promise<void> {
  await withSecrets(config, prepared, async () => {
    await saveJob(config, prepared.job);
    enter(store, recordOf(prepared, launched));
  });
}

/** @throws SluiceError JOB_NOT_RESUMABLE */
export function resumeForeground(store: Store, prepared: Pick<PreparedJob, 'job'>): void {
  const { id, program } = prepared.job;
  if (program)
    throw new SluiceError(
      'JOB_NOT_RESUMABLE',
      `job ${id} ran a program, which is not started again, since it might do twice what it has done`,
    );
  takeUp(store, recordOf(prepared));
}

const recordOf = (prepared: Pick<PreparedJob, 'job'>, launched: Partial<Launched> = {}): JobRecord =>
  newRecord(prepared, { launchedBy: 'local', owner: 'foreground', ...launched });
