/** What is kept of a job, whoever launched it: its record. What its workers run is in its job file. */
import type { Totals } from '../engine/counters.ts';
import type { JobContainer } from '../worker/container.ts';
import type { JobState, Wish } from './states.ts';

export interface JobRecord {
  id: string;
  /** `[a-z]([-a-z0-9]{0,1022}[a-z0-9])?`; of the active jobs of a project and location only one has it. */
  name: string;
  projectId: string;
  location: string;
  streaming: boolean;
  state: JobState;
  /** All times are RFC 3339 with milliseconds. */
  stateTime: string;
  createTime: string;
  /** When its workers first ran. */
  startTime?: string;
  endTime?: string;
  /** What was asked of it last. */
  wish?: Wish;
  templateId?: string;
  /** The template's path as a client gave it: `gs://…`, or absent. */
  templatePath?: string;
  /** As they were checked, with defaults; a secret is only its reference. */
  parameters: Record<string, unknown>;
  labels: Record<string, string>;
  /** Dataflow's runtime environment, as a client gave it. */
  environment: Record<string, unknown>;
  workers: number;
  /** What its containers are made from; absent where its workers are processes. */
  container?: Pick<JobContainer, 'image' | 'imageId' | 'digest' | 'isProgram' | 'limits' | 'network'>;
  /** Who launched it: the name of a token, or `local`. */
  launchedBy: string;
  /** `service`: the supervisor runs it; `foreground`: the process `pid` does. */
  owner: 'service' | 'foreground';
  pid?: number;
  /** When that process began, as the system tells it: ids of processes are used again. */
  pidStart?: string;
  /** How often its workers were started anew after a crash. */
  restarts: number;
  /** The job it takes over from, or the one that took over from it. */
  replaces?: string;
  replacedBy?: string;
  transformNameMapping?: Record<string, string>;
  /** What clients of Dataflow may change while it runs: kept and given back. */
  runtimeUpdatableParams?: Record<string, unknown>;
  /** How clients want it shown, e.g. `archived`. */
  displayProperties?: Record<string, string>;
  /** The job whose dead letters it runs again. */
  replayOf?: string;
  /** Which of the replays of a job (`root`, which is no replay itself) it is; they are counted from 0. */
  replay?: { root: string; number: number };
  /** A replay whose letters a later one took: it cannot be resumed. */
  givenUp?: boolean;
  /** When retention removed its checkpoints, messages and progress. */
  removedTime?: string;
  /** What it came to, once it has ended. */
  result?: JobResult;
}

export interface JobResult extends Totals {
  seconds: number;
  outputs: string[];
  /** Dead letters by error code. */
  errors?: Record<string, number>;
  error?: { code: string; message: string };
}
