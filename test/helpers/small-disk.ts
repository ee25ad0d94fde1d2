import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A file system of this size (e.g. `2m`); undefined, and the test is skipped, where the machine lets us mount none. */
export async function smallDisk(t: TestContext, size: string): Promise<string | undefined> {
  const mounted = await mkdtemp(join(tmpdir(), 'sluice-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mounted], { stdio: 'ignore' });
  } catch {
    await rm(mounted, { recursive: true });
    assert.ok(!process.env.CI, 'CI must be able to mount a small tmpfs');
    t.skip('needs the right to mount a tmpfs');
    return undefined;
  }
  t.after(async () => {
    execFileSync('umount', ['-l', mounted]);
    await rm(mounted, { recursive: true });
  });
  return mounted;
}
