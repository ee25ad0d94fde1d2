/** Records for tests. */
import type { JobRecord } from '../../src/store/record.ts';

let made = 0;

/** The record of a job that has just been launched, some of it changed. */
export function aRecord(changed: Partial<JobRecord> = {}): JobRecord {
  const number = ++made;
  const time = changed.createTime ?? new Date().toISOString();
  return {
    id: `job-${process.pid}-${String(number).padStart(6, '0')}`,
    name: `name-${process.pid}-${number}`,
    projectId: 'local',
    location: 'us-central1',
    streaming: false,
    state: 'QUEUED',
    stateTime: time,
    createTime: time,
    parameters: {},
    labels: {},
    environment: {},
    workers: 1,
    launchedBy: 'local',
    owner: 'service',
    restarts: 0,
    ...changed,
  };
}
