/** A server of its own, as a user starts it, and a client that asks one thing after the other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '../..');

export const JOBS = '/v1b3/projects/local/locations/us-central1/jobs';
const LAUNCH = '/v1b3/projects/local/locations/us-central1/flexTemplates:launch';

export interface Server {
  url: string;
  pid: number;
  home: string;
}

/** Serves while `work` lasts; its jobs are cancelled afterwards. */
export async function serving<T>(
  { home, args = [], env = {} }: { home: string; args?: string[]; env?: NodeJS.ProcessEnv },
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const child = spawn(
    join(root, 'bin/sluice'),
    ['serve', '--port', '0', '--grpc-port', '0', '--json', '--requests-per-minute', '1000000000', ...args],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, SLUICE_HOME: home, ...env } },
  );
  try {
    const { url, pid } = await announced(child);
    const server = { url, pid, home };
    const result = await work(server);
    await cancelAll(server);
    return result;
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

async function announced(child: ChildProcess): Promise<{ url: string; pid: number }> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.endsWith('}\n')) break;
  }
  return JSON.parse(text);
}

const agent = new Agent({ keepAlive: true });

export interface Answer {
  status: number;
  text: string;
  milliseconds: number;
}

export function ask(url: string, method = 'GET', body?: object): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const headers = body && { 'content-type': 'application/json' };
    const sent = request(url, { method, agent, headers }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', chunk => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, milliseconds: performance.now() - began }),
      );
    });
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

let launched = 0;

/** Launches a job and gives its id. */
export async function launch(
  { url }: Server,
  template: string,
  parameters: Record<string, string>,
): Promise<string> {
  const launchParameter = { jobName: `bench-${++launched}`, containerSpecGcsPath: template, parameters };
  const { status, text } = await ask(url + LAUNCH, 'POST', { launchParameter });
  if (status !== 200) throw new Error(`a launch was answered with ${status}: ${text}`);
  return JSON.parse(text).job.id;
}

/** The smallest job there is. */
export const launchTiny = (server: Server): Promise<string> =>
  launch(server, 'Yaml_Template', {
    yaml_pipeline:
      'pipeline: {type: chain, transforms: [{type: Create, config: {elements: [1]}}, {type: LogForTesting}]}',
  });

/** The ids of the jobs that have not ended. */
export async function activeJobs({ url }: Server): Promise<string[]> {
  const { text } = await ask(`${url}${JOBS}?filter=ACTIVE&pageSize=1000`);
  return (JSON.parse(text).jobs ?? []).map(({ id }: { id: string }) => id);
}

async function cancelAll(server: Server): Promise<void> {
  const asked = new Set<string>();
  for (let ids = await activeJobs(server); ids.length > 0; ids = await activeJobs(server)) {
    for (const id of ids) {
      if (asked.has(id)) continue;
      asked.add(id);
      await ask(`${server.url}${JOBS}/${id}`, 'PUT', { requestedState: 'JOB_STATE_CANCELLED' });
    }
    await sleep(100);
  }
}

export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
