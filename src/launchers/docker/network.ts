/** The network of containers that need one: a bridge on which they do not see one another. */
import type Docker from 'dockerode';
import { noteJobNetwork } from '../../access/job-networks.ts';
import type { Config } from '../../config.ts';
import { inTime, statusOf } from './engine.ts';
import { homeHash, labels, networkName } from './names.ts';

export interface Networks {
  /** The network to use, made where it is missing; `release` has to be called when it is used no more. */
  use(docker: Docker): Promise<string>;
  /** Makes it again, when somebody has removed it. */
  restore(docker: Docker): Promise<void>;
  /** One container has one less use for it; the last one takes it away. */
  release(docker: Docker): Promise<void>;
}

const CONFLICT = 409;

export function networksOf(config: Config): Networks {
  const given = config.dockerNetwork;
  const name = networkName(config);
  let uses = 0;
  /** One change after the other. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => {});
    return done;
  };

  return {
    async use(docker) {
      if (given !== undefined) return given;
      uses++;
      await inTurn(() => make(docker, name, config));
      return name;
    },
    async restore(docker) {
      if (given === undefined) await inTurn(() => make(docker, name, config));
    },
    async release(docker) {
      if (given !== undefined || --uses > 0) return;
      await inTurn(async () => {
        if (uses === 0) await removeNetwork(docker, name);
      });
    },
  };
}

async function make(docker: Docker, name: string, config: Config): Promise<void> {
  if (await noted(docker, name)) return;
  await docker
    .createNetwork({
      Name: name,
      Driver: 'bridge',
      CheckDuplicate: true,
      Labels: { [labels.home]: homeHash(config) },
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    })
    .catch(refusal => {
      // Another process of this home was faster.
      if (statusOf(refusal) !== CONFLICT) throw refusal;
    });
  await noted(docker, name);
}

/** Whether it is there; then what comes from it is known as a job's. */
async function noted(docker: Docker, name: string): Promise<boolean> {
  const found = await docker.listNetworks({ filters: { name: [name] }, ...inTime() });
  const network = found.find(({ Name: known }) => known === name);
  if (network)
    noteJobNetwork(
      name,
      (network.IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
    );
  return network !== undefined;
}

/** Where containers of another process still use it, it stays. */
export async function removeNetwork(docker: Docker, name: string): Promise<void> {
  try {
    await docker.getNetwork(name).remove(inTime());
    noteJobNetwork(name, []);
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
  }
}
