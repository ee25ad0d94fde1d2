/** The Docker engine, and what it says, in words. */
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { SluiceError, systemCode } from '../../errors.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
const UNIX = 'unix://';

/** How long the engine may take for what is not meant to last; pulling and waiting are. */
const CALL_MS = 60_000;

/** Where the engine of a configuration is, as `DOCKER_HOST` names it. */
export const hostOf = ({ dockerHost = DEFAULT_HOST }: Config): string => dockerHost;

/** The client of the engine; nothing is asked of it yet. Loaded when the first container is needed. @throws SluiceError ENGINE_UNREACHABLE */
export async function connectEngine(config: Config): Promise<Docker> {
  const { default: Engine } = await import('dockerode');
  const host = hostOf(config);
  if (!/^(?:unix|tcp|https?|ssh|npipe):\/\/./.test(host))
    throw new SluiceError(
      'ENGINE_UNREACHABLE',
      `DOCKER_HOST is ${host.slice(0, MAX_SAID)}, which is no address: it is unix:///path or tcp://host:port`,
    );
  // All else, e.g. `tcp://` with certificates, dockerode reads from the environment.
  return host.startsWith(UNIX) ? new Engine({ socketPath: host.slice(UNIX.length) }) : new Engine();
}

/** Ends a call that takes too long. */
export const inTime = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(CALL_MS) });

/** What the engine answered with instead of doing what was asked; undefined where it did not answer. */
export const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;

/** True when there is no such container, image or network. */
export const isAbsent = (error: unknown): boolean => statusOf(error) === 404;

/** The error as one for the user. @param image what the container was to be made from */
export function engineError(error: unknown, config: Config, image?: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const said = saidBy(error);
  const of = (code: SluiceError['code'], message: string) => new SluiceError(code, message, { cause: error });
  if (statusOf(error) === undefined) return of('ENGINE_UNREACHABLE', unreachable(error, config));
  if (/no space left on device/i.test(said))
    return of('DISK_FULL', `disk full: the Docker engine says: ${said}`);
  if (image !== undefined && isAbsent(error) && /image/i.test(said))
    return of('IMAGE_NOT_FOUND', `there is no image ${image}: the Docker engine says: ${said}`);
  const fault = /\bexec: .*|No command specified|no such file or directory: unknown/is.exec(said)?.[0];
  if (image !== undefined && fault !== undefined)
    return of('IMAGE_INVALID', `the image ${image} cannot be started: ${fault}`);
  return of('ENGINE_REFUSED', `the Docker engine refuses: ${said}`);
}

function unreachable(error: unknown, config: Config): string {
  const why = isTimeout(error) ? 'no answer in time' : (systemCode(error) ?? saidBy(error));
  return `no Docker engine answers at ${hostOf(config)} (${why})`;
}

const isTimeout = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');

const MAX_SAID = 1000;

/** The engine's own words, without the status around them. */
export function saidBy(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/^\(HTTP code \d+\) [^-]* - /, '')
    .trim()
    .slice(0, MAX_SAID);
}
