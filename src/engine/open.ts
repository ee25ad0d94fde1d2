/** Opens the stages of a pipeline, sinks first: what cannot work is refused before anything is read. */
import type { Config } from '../config.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Sink, Source, StageContext, Transform } from './component.ts';
import { hideSecrets, revealSecrets } from './secrets.ts';
import type { Stage } from './stage.ts';

/** Where the state lies that a job has taken over from those before it. */
export interface Lineage {
  /** The first of them. */
  jobId: string;
  /** What stages were called when they began to keep state, where that is not their name now. */
  stages: Record<string, string>;
}

export interface PipelineOptions {
  jobId: string;
  /** Absent: the job has begun with nothing. */
  lineage?: Lineage;
  templateId?: string;
  config: Config;
  /** The folder this worker keeps its checkpoint and its stages' files in. */
  directory: string;
  worker: { index: number; count: number };
  streaming: boolean;
  /** Secrets of a job that is not kept; absent: they are in its folder. */
  secrets?: Readonly<Record<string, string>>;
  report(severity: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR', text: string, stage: string): void;
}

export interface OpenStage {
  stage: Stage;
  part:
    | { kind: 'source'; source: Source }
    | { kind: 'transform'; transform: Transform }
    | { kind: 'sink'; sink: Sink };
}

type Kind = OpenStage['part']['kind'];

/** The stages in the graph's order, each with its opened part; if one is refused, those before it are closed again. */
export async function openStages(
  stages: Stage[],
  options: PipelineOptions,
  restored?: Checkpoint,
  kinds: readonly Kind[] = ['sink', 'transform', 'source'],
): Promise<OpenStage[]> {
  const opened = new Map<Stage, OpenStage['part']>();
  try {
    for (const kind of kinds) {
      for (const stage of stages) {
        if (stage.node.component.kind === kind) opened.set(stage, await openStage(stage, options, restored));
      }
    }
  } catch (error) {
    for (const part of [...opened.values()].reverse()) await close(part, !restored).catch(() => {});
    throw error;
  }
  return stages.flatMap(stage => {
    const part = opened.get(stage);
    return part ? [{ stage, part }] : [];
  });
}

export async function close(part: OpenStage['part'], ended: boolean): Promise<void> {
  if (part.kind === 'transform') await part.transform.close?.(ended);
  else if (part.kind === 'sink') await part.sink.close(ended);
  else await part.source.close(ended);
}

async function openStage(
  { node }: Stage,
  options: PipelineOptions,
  restored?: Checkpoint,
): Promise<OpenStage['part']> {
  const { component } = node;
  const { jobId, lineage } = options;
  const config = await revealSecrets(component.config, node.config, options);
  const context: StageContext = {
    stage: node.id,
    jobId,
    keptAs: { jobId: lineage?.jobId ?? jobId, stage: lineage?.stages[node.id] ?? node.id },
    templateId: options.templateId,
    config: options.config,
    worker: options.worker,
    streaming: options.streaming,
    deadLetter: node.deadLetter,
    input: node.input,
    inputs: node.inputs.map(({ name, type }) => ({ name, type: type ?? node.input ?? { form: 'row' } })),
    windowing: node.windowing,
    jobDirectory: options.directory,
    restored: restored?.stages[node.id],
    report: (severity, text) => options.report(severity, hideSecrets(text), node.id),
  };
  if (component.kind === 'source') return { kind: 'source', source: await component.open(config, context) };
  if (component.kind === 'sink') return { kind: 'sink', sink: await component.open(config, context) };
  return { kind: 'transform', transform: await component.open(config, context) };
}
