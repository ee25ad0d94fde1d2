/** A supervisor whose jobs run in containers of an engine of their own, and what must be left of them: nothing. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type Docker from 'dockerode';
import { type Config, loadConfig } from '../../../src/config.ts';
import { openSupervisor, type Supervisor } from '../../../src/jobs/supervisor.ts';
import { inContainers } from '../../../src/launch/container.ts';
import { containerRequest } from '../../../src/launch/container-request.ts';
import { type LaunchRequest, prepareJob } from '../../../src/launch/prepare.ts';
import { newRecord } from '../../../src/launch/record.ts';
import { withSecrets } from '../../../src/launch/secrets.ts';
import { homeHash, ofHome } from '../../../src/launchers/docker/names.ts';
import { removeLeftSecrets } from '../../../src/launchers/docker/secrets.ts';
import type { JobRecord } from '../../../src/store/record.ts';
import type { JobState } from '../../../src/store/states.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { eventually } from '../../jobs/service-jobs.ts';
import type { DockerEngine } from '../../services/docker.ts';

export const WORKER_IMAGE = 'sluice-worker:test';
/** Containers start slowly beside other tests. */
const PATIENCE_MS = 120_000;

export interface Containers {
  folder: string;
  config: Config;
  store: Store;
  supervisor: Supervisor;
  docker: Docker;
  /** `options` are those of `additionalPipelineOptions`, and what else an environment says. */
  launch(request: LaunchRequest, options?: string[], environment?: object): Promise<JobRecord>;
  launchPipeline(transforms: object[], options?: string[], environment?: object): Promise<JobRecord>;
  until(jobId: string, ...states: JobState[]): Promise<JobRecord>;
  messages(jobId: string): string[];
  /** How many elements all sinks of a job have written so far. */
  written(jobId: string): number;
  /** The containers of a job, whether they run or not. */
  containersOf(jobId?: string): Promise<Docker.ContainerInfo[]>;
  reopen(): Promise<void>;
  /** Fails while anything is left of containers. */
  assertNothingLeft(): Promise<void>;
}

export async function openContainers(
  t: TestContext,
  engine: Pick<DockerEngine, 'host' | 'client'>,
  env: NodeJS.ProcessEnv = {},
): Promise<Containers> {
  const folder = await temporaryFolder(t);
  const config = loadConfig({
    SLUICE_HOME: join(folder, 'home'),
    SLUICE_CHECKPOINT_MS: '50',
    SLUICE_WORKER_IMAGE: WORKER_IMAGE,
    DOCKER_HOST: engine.host,
    ...env,
  });
  const store = openStore(config);
  const open = () => openSupervisor({ config, store, maxJobs: 32, firstRetryMs: 20 });
  const docker = engine.client;

  const launch: Containers['launch'] = async (request, options = [], environment = {}) => {
    const rendered = await prepareJob(config, request);
    const asked = containerRequest({ additionalPipelineOptions: options, ...environment });
    const prepared = await inContainers(config, rendered, { request: asked });
    const record = newRecord(prepared, { launchedBy: 'test', owner: 'service' });
    return withSecrets(config, prepared, () => containers.supervisor.launch(prepared.job, record));
  };
  const containers: Containers = {
    folder,
    config,
    store,
    supervisor: await open(),
    docker,
    launch,
    async launchPipeline(transforms, ...more) {
      const pipeline = join(folder, 'pipeline.yaml');
      await writeFile(pipeline, JSON.stringify({ pipeline: { type: 'chain', transforms } }));
      return launch({ pipeline }, ...more);
    },
    until: (jobId, ...states) =>
      eventually(
        () => {
          const record = store.jobs.require(jobId);
          return states.includes(record.state) && record;
        },
        () => `job ${jobId} is ${JSON.stringify(store.jobs.require(jobId), null, 1)}, not ${states}`,
        PATIENCE_MS,
      ),
    messages: jobId => store.messages.list(jobId, {}, 1000).items.map(({ text }) => text),
    written(jobId) {
      const counters = store.progress.get(jobId)?.counters ?? {};
      return Object.entries(counters).reduce(
        (sum, [stage, { out }]) => sum + (stage.includes('Write') ? out : 0),
        0,
      );
    },
    containersOf: jobId =>
      docker.listContainers({
        all: true,
        filters: ofHome(config, ...(jobId === undefined ? [] : [`sluice.job=${jobId}`])),
      }),
    async reopen() {
      await containers.supervisor.close({ drain: false });
      containers.supervisor = await open();
    },
    async assertNothingLeft() {
      const networks = await docker.listNetworks({ filters: ofHome(config) });
      const { Volumes: volumes } = await docker.listVolumes();
      const secrets = readdirSync('/dev/shm').filter(name => name.includes(homeHash(config)));
      const left = {
        containers: (await containers.containersOf()).map(({ Names: [name], State }) => `${name} ${State}`),
        networks: networks.map(({ Name }) => Name),
        volumes: volumes ?? [],
        secrets,
      };
      assert.deepEqual(left, { containers: [], networks: [], volumes: [], secrets: [] });
    },
  };
  atEnd(t, async () => {
    await containers.supervisor.close({ drain: false });
    store.close();
    for (const { Id: id } of await containers.containersOf())
      await docker.getContainer(id).remove({ force: true });
    // Nobody follows them any more.
    await removeLeftSecrets(config, () => false);
  });
  return containers;
}
