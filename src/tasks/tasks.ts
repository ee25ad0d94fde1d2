/** Everything that is done with elements on behalf of the server, each in a process of its own. */
import type { Config } from '../config.ts';
import type { JobRecord } from '../store/record.ts';
import type { JobHome } from '../store/store.ts';
import type { UdfScript } from '../udf/frames.ts';
import type { ChosenReplay, ReplayRequest } from './choose-replay.ts';
import type { Asked } from './look-at-letters.ts';
import type { PreviewRequest } from './preview.ts';
import type { RunUdfRequest, TestScriptRequest } from './try-udf.ts';

/** A replay that is to be launched under its number: its file and its letters are in its folder. */
export interface ReplayToLaunch extends Omit<ChosenReplay, 'prepared'> {
  /** Absent: there is nothing to replay. */
  launch?: JobRecord['replay'];
}

/**
 * Each takes a request and gives an answer that can be told in JSON. `directory` is theirs for as long as they run.
 * What a task needs is loaded by it alone: all of it would take longer than most tasks.
 */
export const tasks = {
  async preview(config: Config, request: PreviewRequest, directory: string) {
    const { asJson, preview } = await import('./preview.ts');
    const warnings: string[] = [];
    const elements = await preview(config, request, directory, (text, stage) => {
      if (warnings.length < MAX_WARNINGS) warnings.push(`${stage}: ${text}`);
    });
    return { elements: elements.map(asJson), warnings };
  },
  async checkScript(_: Config, script: UdfScript) {
    await (await import('./try-udf.ts')).checkScript(script);
    return {};
  },
  runUdf: async (config: Config, request: RunUdfRequest) =>
    (await import('./try-udf.ts')).runUdf(config, request),
  testUdf: async (config: Config, request: { name: string; version?: string }) =>
    (await import('./try-udf.ts')).testUdf(config, request),
  testScript: async (_: Config, request: TestScriptRequest) =>
    (await import('./try-udf.ts')).testScript(request),
  listLetters: (config: Config, { jobId, ...asked }: Asked & { jobId: string }) =>
    withStore(config, async home => (await import('./look-at-letters.ts')).listLetters(home, jobId, asked)),
  showLetters: (config: Config, { jobId, ...asked }: Asked & { jobId: string; id?: string; limit: number }) =>
    withStore(config, async home => (await import('./look-at-letters.ts')).showLetters(home, jobId, asked)),
  openLetter: (config: Config, { jobId, ...asked }: { jobId: string; code?: string; id: string }) =>
    withStore(config, async home => (await import('./look-at-letters.ts')).openLetter(home, jobId, asked)),
  chooseReplay: (config: Config, { jobId, ...request }: ReplayRequest & { jobId: string }) =>
    withStore(config, home => chooseReplay(home, jobId, request)),
};

export type Tasks = typeof tasks;
export type TaskName = keyof Tasks;

const MAX_WARNINGS = 100;

async function chooseReplay(home: JobHome, jobId: string, request: ReplayRequest): Promise<ReplayToLaunch> {
  const [{ saveJob }, { checkLaunch }, { keepSecrets }, choosing] = await Promise.all([
    import('../jobs/job.ts'),
    import('../launch/check.ts'),
    import('../launch/secrets.ts'),
    import('./choose-replay.ts'),
  ]);
  const { config } = home;
  let launch: ReplayToLaunch['launch'];
  const { prepared: _, ...chosen } = await choosing.chooseReplay(
    home,
    jobId,
    request,
    async (prepared, replay) => {
      await checkLaunch(config, prepared);
      await keepSecrets(config, prepared);
      await saveJob(config, prepared.job);
      // The server launches it, and asks again when it was not the first.
      launch = replay;
    },
  );
  return { ...chosen, ...(launch && { launch }) };
}

async function withStore<T>(config: Config, work: (home: JobHome) => Promise<T>): Promise<T> {
  const { openStore } = await import('../store/store.ts');
  const store = openStore(config);
  try {
    return await work({ config, store });
  } finally {
    store.close();
  }
}
