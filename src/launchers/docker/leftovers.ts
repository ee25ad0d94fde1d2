/** What servers and processes of this home have left behind, that were killed. */
import { existsSync } from 'node:fs';
import type { Config } from '../../config.ts';
import { connectEngine, engineError, hostOf, inTime } from './engine.ts';
import { removeContainer } from './follow.ts';
import { labels, networkName, ofHome } from './names.ts';
import { removeNetwork } from './network.ts';
import { removeLeftSecrets } from './secrets.ts';

const UNIX = 'unix://';

/**
 * Removes the containers of jobs that run no more, their secrets, and the network when nobody uses it. False when no
 * engine answers: then only secrets were removed.
 * @param isActive told the id of a job
 */
export async function removeLeftovers(
  config: Config,
  isActive: (jobId: string) => boolean,
): Promise<boolean> {
  await removeLeftSecrets(config, worker => isActive(worker.slice(0, worker.lastIndexOf('-'))));
  // Where there is no Docker, its client need not be loaded.
  const host = hostOf(config);
  if (host.startsWith(UNIX) && !existsSync(host.slice(UNIX.length))) return false;
  try {
    const docker = await connectEngine(config);
    const found = await docker.listContainers({ all: true, filters: ofHome(config), ...inTime() });
    const left = found.filter(({ Labels }) => !isActive(Labels[labels.job] ?? ''));
    for (const { Id: id } of left) await removeContainer(docker, id);
    if (left.length === found.length) await removeNetwork(docker, networkName(config));
    return true;
  } catch (error) {
    const known = engineError(error, config);
    if (known.code === 'ENGINE_UNREACHABLE') return false;
    throw known;
  }
}
