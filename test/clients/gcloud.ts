/** The real `gcloud`. */
import { execFile, spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../helpers/temporary.ts';
import type { Bucketed } from './server.ts';

const run = promisify(execFile);
/** Why it is not there; undefined: it is. */
export const missing =
  spawnSync('gcloud', ['--version']).status === 0 ? undefined : 'gcloud is not on this machine';

/** Runs `gcloud dataflow …`, and gives the JSON it prints. */
// biome-ignore lint/suspicious/noExplicitAny: what gcloud prints is looked into
export type Gcloud = (...args: string[]) => Promise<any>;

export async function gcloudFor(t: TestContext, { url }: Bucketed): Promise<Gcloud> {
  const env = {
    ...process.env,
    CLOUDSDK_CONFIG: await temporaryFolder(t),
    CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW: `${url}/`,
    CLOUDSDK_AUTH_DISABLE_CREDENTIALS: 'true',
    CLOUDSDK_CORE_PROJECT: 'my-proj',
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
    CLOUDSDK_PYTHON_SITEPACKAGES: '0',
  };
  return async (...args) => {
    const { stdout } = await run('gcloud', [...args, '--format=json'], { env, maxBuffer: 1 << 24 });
    return stdout === '' ? undefined : JSON.parse(stdout);
  };
}
