/** Workers in containers, found again by their labels. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { replaceText } from '../../worker/claim.ts';
import type { JobContainer } from '../../worker/container.ts';
import { type Job, readJob } from '../../worker/job-file.ts';
import { turnFile, workerDirectory } from '../../worker/places.ts';
import type { Launcher } from '../launcher.ts';
import { containerOptions } from './container.ts';
import { connectEngine, engineError, inTime, isAbsent, statusOf } from './engine.ts';
import { type Followed, follow, removeContainer } from './follow.ts';
import { labels, ofHome } from './names.ts';
import { type Networks, networksOf } from './network.ts';
import { programErrand } from './program.ts';
import { relayProgram } from './program-relay.ts';
import { type PubsubKeeper, pubsubKeeper } from './pubsub.ts';
import { keepSecretFiles, removeSecretFiles, SECRETS, secretsFolder } from './secrets.ts';
import { workerErrand } from './worker.ts';

const CONFLICT = 409;

/** Starts the workers of jobs whose file says what their containers are made from. */
export function dockerLauncher(config: Config): Launcher {
  const held: Held = { networks: networksOf(config), pubsub: pubsubKeeper(config) };
  let connecting: Promise<Docker> | undefined;
  const engine = () => {
    connecting ??= connectEngine(config);
    return connecting;
  };
  return {
    start: (jobFile, index) =>
      follow(
        config,
        engine().then(docker => make(docker, config, held, jobFile, index)),
      ),
    async find(jobFile, index) {
      try {
        const docker = await engine();
        const id = await findContainer(docker, config, basename(dirname(jobFile)), index);
        return id === undefined ? undefined : follow(config, take(docker, config, held, jobFile, index, id));
      } catch (error) {
        // It may be there, for all we know.
        return follow(config, Promise.reject(engineError(error, config)));
      }
    },
  };
}

/** What all containers of this process share. */
interface Held {
  networks: Networks;
  pubsub: PubsubKeeper;
}

/** Makes a container and starts it; when that fails nothing is left. */
async function make(
  docker: Docker,
  config: Config,
  held: Held,
  jobFile: string,
  index: number,
): Promise<Followed> {
  const job = await readJob(jobFile);
  const container = containerOf(job);
  const token = randomUUID();
  const directory = workerDirectory(jobFile, index);
  mkdirSync(directory, { recursive: true });
  replaceText(turnFile(directory), token);
  const errandOf = job.program ? programErrand : workerErrand;
  const { errand, secrets } = await errandOf(config, job, container, jobFile, index);
  const folder = secretsFolder(config, jobFile, job.id, index);
  const { network, release } = await hold(docker, held, container);
  const cleanUp = async () => {
    await removeSecretFiles(folder);
    await release();
  };
  try {
    await keepSecretFiles(folder, secrets);
    const options = containerOptions(
      {
        ...errand,
        token,
        command: job.program ? errand.command : [...errand.command, token],
        network,
        mounts: [...errand.mounts, { source: folder, target: SECRETS, isWritable: false }],
      },
      config,
    );
    const id = await create(docker, options);
    await start(docker, held, id);
    return followed(docker, id, job, jobFile, index, cleanUp);
  } catch (error) {
    await cleanUp().catch(() => {});
    throw engineError(error, config, container.image);
  }
}

/** A container that was started before. */
async function take(
  docker: Docker,
  config: Config,
  held: Held,
  jobFile: string,
  index: number,
  id: string,
): Promise<Followed> {
  const job = await readJob(jobFile);
  const { release } = await hold(docker, held, containerOf(job));
  const cleanUp = async () => {
    await removeSecretFiles(secretsFolder(config, jobFile, job.id, index));
    await release();
  };
  return followed(docker, id, job, jobFile, index, cleanUp);
}

const followed = (
  docker: Docker,
  id: string,
  job: Job,
  jobFile: string,
  index: number,
  cleanUp: Followed['cleanUp'],
): Followed => ({
  docker,
  id,
  what: job.program ? 'the program' : `worker ${index}`,
  image: containerOf(job).image,
  cleanUp,
  ...(job.program && { relay: relayProgram({ docker, id, jobFile, index }) }),
});

function containerOf({ id, container }: Job): JobContainer {
  if (container) return container;
  throw new SluiceError('INTERNAL', `the file of job ${id} does not say what its containers are made from`);
}

async function hold(docker: Docker, { networks, pubsub }: Held, { network, access }: JobContainer) {
  const isConnected = network !== 'none';
  const hasTopics = access?.includes('pubsub') === true;
  const name = isConnected ? await networks.use(docker) : 'none';
  if (hasTopics) await pubsub.hold();
  return {
    network: name,
    release: async () => {
      if (hasTopics) pubsub.release();
      if (isConnected) await networks.release(docker);
    },
  };
}

/** One of the same name is what is left of an earlier one: nobody follows it. */
async function create(docker: Docker, options: Docker.ContainerCreateOptions): Promise<string> {
  const attempt = async () => (await docker.createContainer({ ...options, ...inTime() })).id;
  try {
    return await attempt();
  } catch (error) {
    if (statusOf(error) !== CONFLICT || options.name === undefined) throw error;
    await removeContainer(docker, options.name);
    return attempt();
  }
}

async function start(docker: Docker, { networks }: Held, id: string): Promise<void> {
  const container = docker.getContainer(id);
  try {
    await container.start(inTime()).catch(async error => {
      // Another process of this home has just removed it.
      if (!isAbsent(error) || !/network/.test(String(error))) throw error;
      await networks.restore(docker);
      await container.start(inTime());
    });
  } catch (error) {
    await removeContainer(docker, id).catch(() => {});
    throw error;
  }
}

/** The container of a worker, whether it runs or has ended; one that was never started is removed. */
async function findContainer(
  docker: Docker,
  config: Config,
  jobId: string,
  index: number,
): Promise<string | undefined> {
  const found = await docker.listContainers({
    all: true,
    filters: ofHome(config, `${labels.job}=${jobId}`, `${labels.worker}=${index}`),
    ...inTime(),
  });
  const [known] = found.filter(({ State: state }) => state !== 'created' && state !== 'removing');
  for (const each of found) if (each !== known) await removeContainer(docker, each.Id);
  return known?.Id;
}
