/** The file that tells a worker what to run. */
import { readFile } from 'node:fs/promises';
import type { LetterPlace } from '../dlq/places.ts';
import type { Replay } from '../dlq/replay-graph.ts';
import { replaceFile } from '../engine/checkpoint.ts';
import type { Lineage } from '../engine/open.ts';
import { SluiceError, systemCode } from '../errors.ts';
import { parseExact, stringifyExact } from '../formats/exact-json.ts';
import type { JobContainer } from './container.ts';

export interface Job {
  id: string;
  templateId?: string;
  /** What the template was given, checked and with its defaults. */
  parameters?: Record<string, unknown>;
  /** RFC 3339. */
  createTime: string;
  streaming: boolean;
  /** How many workers share it. */
  workers: number;
  /** The rendered pipeline, in Beam YAML's structure; absent for a program of its own in a container. */
  pipeline?: unknown;
  /** Where its dead letters are. */
  deadLetters?: LetterPlace[];
  /** Set when it has taken over the state of another job. */
  lineage?: Lineage;
  /** Set when it runs the dead letters of another job again. */
  replay?: Replay;
  /** Set when its workers run in containers. */
  container?: JobContainer;
  /** Set for a program of its own in a container, which has no pipeline. */
  program?: ProgramCall;
}

/** How a program is called. */
export interface ProgramCall {
  /** `--name=value`, one for each parameter. */
  arguments: string[];
  /** The name of the job, by which it may call what it makes. */
  jobName?: string;
  /** References to the secrets that it finds in files of these names below `/run/secrets`. */
  secrets: Record<string, string>;
}

export async function writeJob(path: string, job: Job): Promise<void> {
  await replaceFile(path, stringifyExact(job));
}

/** @throws SluiceError JOB_NOT_FOUND */
export async function readJob(path: string): Promise<Job> {
  try {
    return parseExact(await readFile(path, 'utf8')) as Job;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new SluiceError('JOB_NOT_FOUND', `there is no job at ${path}`);
    throw error;
  }
}

/** True while a process of that id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
