import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './at-end.ts';
import { type CliOptions, type Finished, type Running, startSluice } from './cli.ts';

export interface Served extends Running {
  url: string;
  grpcPort: number;
  /** Points `sluice` at it. */
  env: NodeJS.ProcessEnv;
  /** Starts `bin/sluice` as one who works with this server. */
  start(args: string[], options?: Partial<CliOptions>): Running;
  /** The same, to its end. */
  sluice(args: string[], options?: Partial<CliOptions>): Promise<Finished>;
  /** The JSON document that `sluice … --json` prints. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was printed
  json(args: string[], options?: Partial<CliOptions>): Promise<any>;
}

/** `bin/sluice serve` on free ports; its jobs and then itself have ended after the test. */
export async function serve(t: TestContext, options: CliOptions, args: string[] = []): Promise<Served> {
  const running = startSluice(['serve', '--port', '0', '--grpc-port', '0', '--json', ...args], options);
  atEnd(t, async () => {
    running.child.kill('SIGTERM');
    await running.finished;
  });
  const { url, grpcPort } = await Promise.race([announced(running), neverServed(running)]);
  atEnd(t, () => endJobs(url));
  const env = { SLUICE_SERVER: url };
  const start: Served['start'] = (line, more = {}) =>
    startSluice(line, { ...options, ...more, env: { ...options.env, ...env, ...more.env } });
  return {
    ...running,
    url,
    grpcPort,
    env,
    start,
    sluice: (line, more) => start(line, more).finished,
    async json(line, more) {
      const { stdout, stderr } = await start([...line, '--json'], more).finished;
      if (stdout === '') throw new Error(`sluice ${line.join(' ')} printed nothing: ${stderr}`);
      return JSON.parse(stdout);
    },
  };
}

function announced({ child }: Running): Promise<{ url: string; grpcPort: number }> {
  let text = '';
  return new Promise(resolve =>
    child.stdout.on('data', (more: string) => {
      text += more;
      if (text.endsWith('}\n')) resolve(JSON.parse(text));
    }),
  );
}

async function neverServed({ finished }: Running): Promise<never> {
  const { status, stderr } = await finished;
  throw new Error(`sluice serve ended with ${status}: ${stderr}`);
}

/** Workers outlive their server: none is to outlive its test. */
async function endJobs(url: string): Promise<void> {
  const asked = new Set<string>();
  while (true) {
    const answer = await fetch(`${url}/api/jobs?status=active`).catch(() => undefined);
    if (!answer?.ok) return;
    const { jobs } = (await answer.json()) as { jobs: Record<string, string>[] };
    if (jobs.length === 0) return;
    for (const { id = '', projectId } of jobs) {
      if (asked.has(id)) continue;
      asked.add(id);
      await fetch(`${url}/v1b3/projects/${projectId}/jobs/${id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: '{"requestedState": "JOB_STATE_CANCELLED"}',
      });
    }
    await sleep(50);
  }
}
