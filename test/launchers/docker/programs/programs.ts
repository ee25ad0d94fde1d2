/** Images of programs in Python, and specs that name them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerSpec } from '../../../../src/flex/spec.ts';
import { buildImage } from '../../../helpers/images.ts';
import { startDocker } from '../../../services/docker.ts';
import type { Lifetime } from '../../../services/service.ts';

const BASE = 'sluice-python:test';
const root = join(import.meta.dirname, '../../../..');
export const wordsFolder = join(root, 'examples/flex-words');

/** An engine with the images of the example and of the odd programs. */
export async function startPrograms(t: Lifetime) {
  const engine = await startDocker(t);
  const words = await readFile(join(wordsFolder, 'words.py'), 'utf8');
  const dockerfile = await readFile(join(wordsFolder, 'Dockerfile'), 'utf8');
  await buildImage(
    engine.client,
    'words:1',
    { 'words.py': words },
    dockerfile.replace(/^FROM .*/, `FROM ${BASE}`),
  );
  const odd = await readFile(join(import.meta.dirname, 'odd.py'), 'utf8');
  const lines = [`FROM ${BASE}`, 'COPY odd.py /odd.py', 'ENTRYPOINT ["python3", "/odd.py"]'];
  await buildImage(engine.client, 'odd:1', { 'odd.py': odd }, lines.join('\n'));
  await buildImage(
    engine.client,
    'odd:reports',
    { 'odd.py': odd },
    [...lines, 'LABEL sluice.reports=true'].join('\n'),
  );
  await buildImage(
    engine.client,
    'odd:healthy',
    { 'odd.py': odd },
    [...lines, 'HEALTHCHECK --interval=1s CMD ["test", "-e", "/tmp/ready"]'].join('\n'),
  );
  return engine;
}

/** As gcloud writes it, where a pipeline is streaming: the example with its metadata. */
export async function wordsSpec(streaming = false): Promise<ContainerSpec> {
  const metadata = JSON.parse(await readFile(join(wordsFolder, 'metadata.json'), 'utf8'));
  return { image: 'words:1', sdkInfo: { language: 'PYTHON' }, metadata: { ...metadata, streaming } };
}

/** A spec that says nothing of the parameters. */
export const oddSpec = (
  tag = '1',
  metadata: ContainerSpec['metadata'] = { streaming: true },
): ContainerSpec => ({
  image: `odd:${tag}`,
  metadata,
});
