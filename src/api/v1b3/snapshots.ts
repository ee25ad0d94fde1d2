/** Snapshots, which Sluice has not: clients get a clear answer. */
import { SluiceError } from '../../errors.ts';
import type { Operation } from '../operation.ts';
import { defineDataflow, pathsOf } from './dataflow-operation.ts';

const nothing = { type: 'object' } as const;

function absent(): never {
  throw new SluiceError(
    'NOT_IMPLEMENTED',
    'There are no snapshots: a job keeps its own checkpoints, and another takes over from them by a launch with update',
  );
}

const unserved = (declared: Pick<Operation, 'id' | 'method' | 'path' | 'alsoAt'>, body = false): Operation =>
  defineDataflow({
    ...declared,
    summary: 'Not served: there are no snapshots.',
    role: 'viewer',
    ...(body && { body: nothing, example: {} }),
    response: nothing,
    handle: absent,
  });

export const snapshotJob = unserved(
  { id: 'snapshotJob', method: 'post', ...pathsOf('jobs/{jobId}:snapshot') },
  true,
);
export const listJobSnapshots = unserved({
  id: 'listJobSnapshots',
  method: 'get',
  path: '/v1b3/projects/{projectId}/locations/{location}/jobs/{jobId}/snapshots',
});
export const listSnapshots = unserved({ id: 'listSnapshots', method: 'get', ...pathsOf('snapshots') });
export const getSnapshot = unserved({
  id: 'getSnapshot',
  method: 'get',
  ...pathsOf('snapshots/{snapshotId}'),
});
export const deleteSnapshot = unserved({
  id: 'deleteSnapshot',
  method: 'delete',
  path: '/v1b3/projects/{projectId}/locations/{location}/snapshots/{snapshotId}',
  alsoAt: ['/v1b3/projects/{projectId}/snapshots'],
});
