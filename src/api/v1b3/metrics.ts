/** The metrics of a job, and how far each of its stages is. */

import type { GraphNode } from '../../engine/graph.ts';
import { SluiceError } from '../../errors.ts';
import { jobGraph } from '../../service/graph.ts';
import type { Service } from '../../service/service.ts';
import type { JobProgress } from '../../store/progress.ts';
import type { JobRecord } from '../../store/record.ts';
import { isEnded, type JobState } from '../../store/states.ts';
import { defineDataflow, jobAt, pageSizeOf, pathsOf } from './dataflow-operation.ts';
import type { executionStates } from './enums.ts';
import { metricsOf, metricsOfStage } from './metric-updates.ts';
import { locationQuery, pageSize, pageToken, timeSchema } from './schemas.ts';
import { stageIndex, stageName } from './steps.ts';

const objects = { type: 'array', items: { type: 'object' } } as const;
const text = { type: 'string' } as const;

export const getJobMetrics = defineDataflow({
  id: 'getJobMetrics',
  summary: 'The metrics of a job: what each stage took and gave.',
  method: 'get',
  ...pathsOf('jobs/{jobId}/metrics'),
  role: 'viewer',
  query: {
    type: 'object',
    properties: {
      startTime: { ...timeSchema, description: 'Only metrics that have changed since then.' },
      location: locationQuery,
    },
  },
  response: {
    type: 'object',
    required: ['metricTime', 'metrics'],
    properties: { metricTime: timeSchema, metrics: objects },
  },
  async handle(request, service) {
    const record = jobAt(request, service);
    const progress = service.store.progress.get(record.id);
    const metricTime = progress ? new Date(progress.time).toISOString() : record.stateTime;
    const { startTime } = request.query;
    const graph = progress && (await jobGraph(service, record.id));
    if (!graph || (startTime && progress.time < Date.parse(startTime))) return { metricTime, metrics: [] };
    return { metricTime, metrics: metricsOf(record, graph, progress) };
  },
});

export const getJobExecutionDetails = defineDataflow({
  id: 'getJobExecutionDetails',
  summary: 'How far each stage of a job is; each transform is a stage of its own.',
  method: 'get',
  path: '/v1b3/projects/{projectId}/locations/{location}/jobs/{jobId}/executionDetails',
  role: 'viewer',
  query: { type: 'object', properties: { pageSize, pageToken } },
  response: {
    type: 'object',
    required: ['stages'],
    properties: { stages: objects, nextPageToken: text },
  },
  async handle(request, service) {
    const record = jobAt(request, service);
    const progress = service.store.progress.get(record.id);
    const { nodes } = (await jobGraph(service, record.id)) ?? { nodes: [] };
    const from = placeIn(request.query.pageToken);
    const to = from + pageSizeOf(request.query.pageSize);
    return {
      stages: nodes.slice(from, to).map((node, index) => stageOf(record, node, from + index, progress)),
      ...(to < nodes.length && { nextPageToken: tokenAt(to) }),
    };
  },
});

export const getStageExecutionDetails = defineDataflow({
  id: 'getStageExecutionDetails',
  summary: 'Which workers run a stage.',
  method: 'get',
  path: '/v1b3/projects/{projectId}/locations/{location}/jobs/{jobId}/stages/{stageId}/executionDetails',
  role: 'viewer',
  query: {
    type: 'object',
    properties: { pageSize, pageToken, startTime: timeSchema, endTime: timeSchema },
  },
  response: {
    type: 'object',
    required: ['workers'],
    properties: { workers: objects, nextPageToken: text },
  },
  examplePath: { stageId: 'F1' },
  async handle(request, service) {
    const record = jobAt(request, service);
    const { node, index } = await stageAt(service, record, request.path.stageId ?? '');
    const { id, workers, restarts } = record;
    // Which of several workers counted what is not kept.
    const { metrics, ...stage } = stageOf(record, node, index, service.store.progress.get(id));
    const from = placeIn(request.query.pageToken);
    const to = Math.min(workers, from + pageSizeOf(request.query.pageSize));
    const numbers = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    return {
      workers: numbers.map(worker => ({
        workerName: `${id}-${worker}`,
        workItems: [
          {
            taskId: `${stageName(index)}-${worker}`,
            attemptId: String(restarts),
            state: stage.state,
            ...(stage.startTime && { startTime: stage.startTime }),
            ...(stage.endTime && { endTime: stage.endTime }),
            ...(stage.progress && { progress: stage.progress }),
            ...(workers === 1 && { metrics }),
          },
        ],
      })),
      ...(to < workers && { nextPageToken: tokenAt(to) }),
    };
  },
});

async function stageAt(
  service: Service,
  record: JobRecord,
  stageId: string,
): Promise<{ node: GraphNode; index: number }> {
  const graph = await jobGraph(service, record.id);
  const index = graph ? stageIndex(graph, stageId) : -1;
  const node = graph?.nodes[index];
  if (node) return { node, index };
  throw new SluiceError(
    'JOB_NOT_FOUND',
    `Job ${record.id} has no stage ${JSON.stringify(stageId.slice(0, 80))}.`,
  );
}

/** How far a stage is within its input is known only at its beginning and at its end. */
function stageOf(record: JobRecord, node: GraphNode, index: number, progress: JobProgress | undefined) {
  const state = stageStates[record.state];
  const isDone = state === 'EXECUTION_STATE_SUCCEEDED';
  const { startTime, endTime } = record;
  return {
    stageId: stageName(index),
    userName: node.id,
    state,
    ...(startTime && { startTime }),
    ...(endTime && isEnded(record.state) && { endTime }),
    ...(!record.streaming && (isDone || !startTime) && { progress: { currentProgress: isDone ? 1 : 0 } }),
    metrics: progress ? metricsOfStage(node, index, progress) : [],
  };
}

const stageStates: Record<JobState, (typeof executionStates)[number]> = {
  QUEUED: 'EXECUTION_STATE_NOT_STARTED',
  PENDING: 'EXECUTION_STATE_NOT_STARTED',
  RUNNING: 'EXECUTION_STATE_RUNNING',
  DRAINING: 'EXECUTION_STATE_RUNNING',
  CANCELLING: 'EXECUTION_STATE_RUNNING',
  DONE: 'EXECUTION_STATE_SUCCEEDED',
  DRAINED: 'EXECUTION_STATE_SUCCEEDED',
  UPDATED: 'EXECUTION_STATE_SUCCEEDED',
  FAILED: 'EXECUTION_STATE_FAILED',
  CANCELLED: 'EXECUTION_STATE_CANCELLED',
};

const tokenAt = (place: number): string => Buffer.from(`at:${place}`).toString('base64url');

function placeIn(token: string | undefined): number {
  if (!token) return 0;
  const [, place] = /^at:(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (place !== undefined) return Number(place);
  throw new SluiceError('REQUEST_INVALID', 'pageToken: no page has given this token');
}
