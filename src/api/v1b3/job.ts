/** A job as Dataflow's clients see it. */
import type { Graph } from '../../engine/graph.ts';
import { VERSION } from '../../program.ts';
import { jobGraph } from '../../service/graph.ts';
import type { Service } from '../../service/service.ts';
import type { JobRecord } from '../../store/record.ts';
import { isEnded, type JobState } from '../../store/states.ts';
import type { JobView } from './enums.ts';
import { environmentOf } from './environment.ts';
import { pipelineDescriptionOf, stageStatesOf, stepsOf } from './steps.ts';

/** Of our own states each has its namesake. */
export const stateName = (state: JobState): string => `JOB_STATE_${state}`;

/** The whole job, as a view of it asks; the environment is in every view, since Terraform reads it in each. */
export async function wholeJob(service: Service, record: JobRecord, view?: JobView): Promise<object> {
  const job = { ...summaryOf(record), environment: environmentOf(record) };
  if (view !== 'JOB_VIEW_ALL' && view !== 'JOB_VIEW_DESCRIPTION') return job;
  const graph = await jobGraph(service, record.id);
  return graph ? { ...job, ...partsOf(record, graph, view) } : job;
}

function partsOf(record: JobRecord, graph: Graph, view: JobView): object {
  const description = {
    pipelineDescription: pipelineDescriptionOf(record, graph),
    stageStates: stageStatesOf(record, graph),
  };
  return view === 'JOB_VIEW_ALL' ? { ...description, steps: stepsOf(graph) } : description;
}

/** What listings show. Maps that hold nothing are left out: some clients take no empty ones. */
export function summaryOf(record: JobRecord): object {
  const { id, projectId, name, location, streaming, state, stateTime, createTime, startTime } = record;
  const { labels, wish, replaces, replacedBy, transformNameMapping } = record;
  const { runtimeUpdatableParams, displayProperties } = record;
  return {
    id,
    projectId,
    name,
    type: streaming ? 'JOB_TYPE_STREAMING' : 'JOB_TYPE_BATCH',
    currentState: stateName(state),
    currentStateTime: stateTime,
    ...(wish && !isEnded(state) && { requestedState: stateName(wish) }),
    createTime,
    startTime: startTime ?? createTime,
    location,
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(replaces && { replaceJobId: replaces }),
    ...(replacedBy && { replacedByJobId: replacedBy }),
    ...(transformNameMapping && { transformNameMapping }),
    ...(runtimeUpdatableParams && { runtimeUpdatableParams }),
    jobMetadata: {
      sdkVersion: {
        version: VERSION,
        versionDisplayName: 'Sluice',
        sdkSupportStatus: 'SUPPORTED',
      },
      ...(displayProperties && { userDisplayProperties: displayProperties }),
    },
  };
}
