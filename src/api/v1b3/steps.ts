/**
 * The graph of a job in Dataflow's words. Each of our stages is a step, `s1`, and the execution stage `F1` that runs
 * it alone: nothing is fused.
 */
import type { Graph, GraphNode } from '../../engine/graph.ts';
import type { JobRecord } from '../../store/record.ts';

export const stepName = (index: number): string => `s${index + 1}`;
export const stageName = (index: number): string => `F${index + 1}`;

/** The place of a stage in the graph, by the id we gave it or by its full name; -1: there is none. */
export const stageIndex = ({ nodes }: Graph, id: string): number =>
  nodes.findIndex((node, index) => node.id === id || stageName(index) === id);

export const stepsOf = ({ nodes }: Graph): object[] =>
  nodes.map((node, index) => ({
    kind: stepKinds[kindOf(node)],
    name: stepName(index),
    properties: { user_name: node.id, type: node.component.name },
  }));

export function stageStatesOf({ state, stateTime }: JobRecord, { nodes }: Graph): object[] {
  return nodes.map((_, index) => ({
    executionStageName: stageName(index),
    executionStageState: `JOB_STATE_${state}`,
    currentStateTime: stateTime,
  }));
}

export function pipelineDescriptionOf({ templateId }: JobRecord, { nodes }: Graph): object {
  const indexOf = (id: string) => nodes.findIndex(node => node.id === id);
  return {
    originalPipelineTransform: nodes.map((node, index) => ({
      kind: kindOf(node),
      id: stepName(index),
      name: node.id,
      displayData: [{ key: 'type', namespace: 'sluice', strValue: node.component.name }],
      inputCollectionName: node.inputs.map(({ from, output }) => `${from}.${output}`),
      outputCollectionName: node.component.kind === 'sink' ? [] : [`${node.id}.good`],
    })),
    executionPipelineStage: nodes.map((node, index) => ({
      name: stageName(index),
      id: stageName(index),
      kind: kindOf(node),
      prerequisiteStage: [...new Set(node.inputs.map(({ from }) => stageName(indexOf(from))))],
      componentTransform: [{ userName: node.id, name: stepName(index), originalTransform: node.id }],
    })),
    ...(templateId !== undefined && {
      displayData: [{ key: 'template', namespace: 'sluice', strValue: templateId }],
    }),
  };
}

type Kind = keyof typeof stepKinds;

const stepKinds = {
  READ_KIND: 'ParallelRead',
  WRITE_KIND: 'ParallelWrite',
  GROUP_BY_KEY_KIND: 'GroupByKey',
  FLATTEN_KIND: 'Flatten',
  PAR_DO_KIND: 'ParallelDo',
} as const;

function kindOf({ component }: GraphNode): Kind {
  if (component.kind === 'source') return 'READ_KIND';
  if (component.kind === 'sink') return 'WRITE_KIND';
  if (component.name === 'Flatten') return 'FLATTEN_KIND';
  return component.whole ? 'GROUP_BY_KEY_KIND' : 'PAR_DO_KIND';
}
