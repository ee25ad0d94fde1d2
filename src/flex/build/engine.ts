/** The engine that builds. */
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { connectEngine, engineError, hostOf, inTime } from '../../launchers/docker/engine.ts';

/** @throws SluiceError ENGINE_UNREACHABLE when none answers */
export async function requireEngine(config: Config): Promise<Docker> {
  const engine = await connectEngine(config);
  try {
    await engine.listContainers({ limit: 1, ...inTime() });
    return engine;
  } catch (error) {
    const known = engineError(error, config);
    if (known.code !== 'ENGINE_UNREACHABLE') throw known;
    throw new SluiceError(
      'ENGINE_UNREACHABLE',
      `no Docker engine answers at ${hostOf(config)}, and it is an engine that builds images`,
      { cause: error },
    );
  }
}
