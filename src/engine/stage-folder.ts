/** The folder of a stage in the job's own. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StageContext } from './component.ts';

/** Its name tells the stage's, and no two stages share one. */
export async function makeStageFolder({
  jobDirectory,
  keptAs: { stage },
}: Pick<StageContext, 'jobDirectory' | 'keptAs'>): Promise<string> {
  const hash = createHash('sha256').update(stage).digest('hex').slice(0, 12);
  const folder = join(
    jobDirectory,
    'stages',
    `${stage.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 60)}-${hash}`,
  );
  await mkdir(folder, { recursive: true });
  return folder;
}
