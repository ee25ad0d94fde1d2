/** Whether a project has active jobs: asked only over gRPC. */
import { defineDataflow, placeOf } from './dataflow-operation.ts';

export const checkActiveJobs = defineDataflow({
  id: 'checkActiveJobs',
  summary: 'Whether a project has jobs that have not ended.',
  method: 'get',
  path: '/v1b3/projects/{projectId}/jobs:checkActive',
  role: 'viewer',
  response: { type: 'object', properties: { activeJobsExist: { type: 'boolean' } } },
  handle(request, { store }) {
    const { projectId } = placeOf(request);
    return { activeJobsExist: store.jobs.list({ projectId, status: 'active' }, 1).items.length > 0 };
  },
});
