/** Jobs of the foreground in containers, where the options or the configuration say so. */
import type { Config } from '../config.ts';
import type { ContainerLaunch } from '../launch/container.ts';
import type { PreparedJob } from '../launch/prepare.ts';

/** The job as it is, or with what its containers are made from. @throws SluiceError as `inContainers` */
export async function contained<Prepared extends PreparedJob>(
  config: Config,
  prepared: Prepared,
  environment: Record<string, unknown>,
  template: Pick<ContainerLaunch, 'template' | 'image'> = {},
): Promise<Prepared> {
  const { containerRequest, launcherIn } = await import('../launch/container-request.ts');
  const launcher = launcherIn(environment) ?? config.launcher;
  if (launcher !== 'docker' && template.image === undefined) return prepared;
  const { inContainers } = await import('../launch/container.ts');
  return inContainers(config, prepared, { ...template, request: containerRequest(environment) });
}
