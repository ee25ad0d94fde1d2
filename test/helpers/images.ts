import type Docker from 'dockerode';
import { buildImage as build } from '../../scripts/images/build.ts';

/** Builds a small image of these files, by their names in the context. */
export function buildImage(
  docker: Docker,
  tag: string,
  files: Record<string, string>,
  dockerfile: string,
): Promise<string[]> {
  const entries = Object.entries({ ...files, Dockerfile: dockerfile });
  return build(docker, { tag, context: entries.map(([name, text]) => ({ name, text })) });
}
