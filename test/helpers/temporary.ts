import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext, below: string = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(below, 'sluice-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
