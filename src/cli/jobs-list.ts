/** `sluice jobs list`. */
import type { JobRecord } from '../store/record.ts';
import { type Client, connect, type ServerOptions } from './client.ts';
import { printJson } from './output.ts';
import { age, fitTerminal, table } from './tables.ts';

export interface ListOptions extends ServerOptions {
  status: 'active' | 'ended' | 'all';
  name?: string;
  limit: number;
  json?: boolean;
}

interface Page {
  jobs: JobRecord[];
  nextPageToken?: string;
}

const PAGE = 500;
/** What the other columns leave of 80. */
const NAME_WIDTH = 24;

export async function list(options: ListOptions): Promise<void> {
  const { jobs, more } = await gather(connect(options), options);
  if (options.json) {
    printJson({ jobs });
    return;
  }
  if (jobs.length === 0) process.stdout.write('no jobs\n');
  else process.stdout.write(listText(jobs));
  if (more) process.stderr.write(`the first ${jobs.length}; --limit shows more\n`);
}

async function gather(client: Client, { status, name, limit }: ListOptions) {
  const jobs: JobRecord[] = [];
  let pageToken: string | undefined;
  do {
    const query = { status, name, pageSize: Math.min(PAGE, limit - jobs.length), pageToken };
    const page: Page = await client.get('/api/jobs', { query });
    jobs.push(...page.jobs);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && jobs.length < limit);
  return { jobs, more: pageToken !== undefined };
}

/** A line for each job; `now` is ms since the epoch, `fit` brings a name to the width of its column. */
export function listText(jobs: readonly JobRecord[], now = Date.now(), fit = fitTerminal): string {
  const rows = jobs.map(({ id, state, createTime, name }) => [
    id,
    state,
    age(createTime, now),
    fit(name, NAME_WIDTH),
  ]);
  return table([['ID', 'STATE', 'AGE', 'NAME'], ...rows], [2]);
}
