/** What the containers of a job are made from: settled at its launch, so that a restart makes the same ones. */

/** An image says by this label which version of Sluice's worker is in it; where the label is empty, none is. */
export const WORKER_LABEL = 'sluice.worker';

export interface JobContainer {
  /** The image as it was named at the launch. */
  image: string;
  /** Its content, `sha256:…`: what the containers are made from, whatever the name has come to mean since. */
  imageId: string;
  /** `name@sha256:…` as a registry knows it; absent for an image that none has given. */
  digest?: string;
  /** True for a program of its own, that speaks through its streams; otherwise Sluice's worker runs in it. */
  isProgram: boolean;
  limits: ContainerLimits;
  /** `none` for a job that needs nothing outside; `jobs` is the network that Sluice keeps for all others. */
  network: 'none' | 'jobs';
  /** Folders and files of this machine that the parameters name; in the container they lie where they lie here. */
  mounts: ContainerMount[];
  /** What else of this machine its workers are given: the embedded Pub/Sub, and who the server is to a cloud. */
  access?: ContainerAccess[];
  /** How long it may take until it runs. */
  startTimeoutMs: number;
}

export interface ContainerLimits {
  memoryBytes: number;
  /** Cores, e.g. 1.5. */
  cpus: number;
  /** Processes and threads. */
  pids: number;
}

export type ContainerAccess = 'pubsub' | 'google' | 'aws';

export interface ContainerMount {
  /** Absolute, without links. */
  path: string;
  /** Where it lies in the container, where the parameters name it by another path, which links make the same. */
  at?: string;
  isWritable: boolean;
}
