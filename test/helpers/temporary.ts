import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext, below: string = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(below, 'sluice-test-'));
  // A process that was just killed may have written its last meanwhile.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return folder;
}
