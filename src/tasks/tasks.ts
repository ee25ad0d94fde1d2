/** Everything that is done with elements on behalf of the server, each in a process of its own. */
import type { Config } from '../config.ts';
import { saveJob } from '../jobs/job.ts';
import { keepSecrets } from '../launch/secrets.ts';
import type { JobRecord } from '../store/record.ts';
import type { JobHome } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import type { UdfScript } from '../udf/frames.ts';
import { type ChosenReplay, chooseReplay, type ReplayRequest } from './choose-replay.ts';
import { type Asked, listLetters, showLetters } from './look-at-letters.ts';
import { asJson, type PreviewRequest, preview } from './preview.ts';
import { checkScript, type RunUdfRequest, runUdf, testUdf } from './try-udf.ts';

/** A replay that is to be launched: its file and its letters are in its folder. */
export interface ReplayToLaunch extends Omit<ChosenReplay, 'prepared'> {
  /** Absent: there is nothing to replay. */
  launch?: { jobId: string; replay: JobRecord['replay'] };
}

/** Each takes a request and gives an answer that can be told in JSON. `directory` is theirs for as long as they run. */
export const tasks = {
  async preview(config: Config, request: PreviewRequest, directory: string) {
    const warnings: string[] = [];
    const elements = await preview(config, request, directory, (text, stage) => {
      if (warnings.length < MAX_WARNINGS) warnings.push(`${stage}: ${text}`);
    });
    return { elements: elements.map(asJson), warnings };
  },
  async checkScript(_: Config, script: UdfScript) {
    await checkScript(script);
    return {};
  },
  runUdf: (config: Config, request: RunUdfRequest) => runUdf(config, request),
  testUdf: (config: Config, request: { name: string; version?: string }) => testUdf(config, request),
  listLetters: (config: Config, { jobId, ...asked }: Asked & { jobId: string }) =>
    withStore(config, home => listLetters(home, jobId, asked)),
  showLetters: (config: Config, { jobId, ...asked }: Asked & { jobId: string; id?: string; limit: number }) =>
    withStore(config, home => showLetters(home, jobId, asked)),
  chooseReplay: (config: Config, { jobId, ...request }: ReplayRequest & { jobId: string }) =>
    withStore(config, async (home): Promise<ReplayToLaunch> => {
      let launch: ReplayToLaunch['launch'];
      const { prepared: _, ...chosen } = await chooseReplay(
        home,
        jobId,
        request,
        async (prepared, replay) => {
          await keepSecrets(config, prepared);
          await saveJob(config, prepared.job);
          // The server launches it, and asks again when it was not the first.
          launch = { jobId: prepared.job.id, replay };
        },
      );
      return { ...chosen, ...(launch && { launch }) };
    }),
};

export type Tasks = typeof tasks;
export type TaskName = keyof Tasks;

const MAX_WARNINGS = 100;

async function withStore<T>(config: Config, work: (home: JobHome) => Promise<T>): Promise<T> {
  const store = openStore(config);
  try {
    return await work({ config, store });
  } finally {
    store.close();
  }
}
