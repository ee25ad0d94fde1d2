import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Served, serve } from '../helpers/serve.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

export interface Bucketed extends Served {
  home: string;
  /** The folder of its buckets. */
  buckets: string;
  /** Resolves once a job is in this state. */
  reaches(projectId: string, jobId: string, state: string): Promise<void>;
}

/** A server with a home of its own. */
export async function servedHere(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Bucketed> {
  const home = await temporaryFolder(t);
  const buckets = join(home, 'cloud/gs');
  const served = await serve(t, { home, env }, ['--root', home]);
  const reaches = async (projectId: string, jobId: string, state: string) => {
    const url = `${served.url}/v1b3/projects/${projectId}/jobs/${jobId}`;
    for (const endMs = Date.now() + 60_000; ; await sleep(50)) {
      const { currentState } = (await (await fetch(url)).json()) as { currentState?: string };
      if (currentState === state) return;
      if (Date.now() > endMs || currentState === 'JOB_STATE_FAILED')
        throw new Error(`job ${jobId} is ${currentState}: ${await (await fetch(`${url}/messages`)).text()}`);
    }
  };
  return { ...served, home, buckets, reaches };
}

/** Writes objects of the bucket `bucket`. */
export async function makeFiles(buckets: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(buckets, 'bucket', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
