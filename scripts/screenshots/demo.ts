/** A server with something to see: jobs that are done, have failed and run on, a function with a mistake, dead letters. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../test/helpers/serve.ts';
import { type Lifetime, serviceFolder } from '../../test/services/service.ts';

export interface Demo {
  url: string;
  /** Paths by the name of the page. */
  pages: Record<string, string>;
}

/** Scores of no team fail in it, and those of nothing are left out. */
const FUNCTION = `// Gives each score the colour of its team.
function score(text) {
  const event = JSON.parse(text);
  if (event.score === 0) return null;
  const [colour] = /^\\w+/.exec(event.team);
  return JSON.stringify({ ...event, colour: colour.toLowerCase() });
}
`;

const CASES = {
  function: 'score',
  cases: [
    {
      name: 'a score gets the colour of its team',
      input: { user: 'ada', team: 'Red Otters', score: 7 },
      output: { user: 'ada', team: 'Red Otters', score: 7, colour: 'red' },
    },
    { name: 'no score is no news', input: { user: 'bob', team: 'Blue Herons', score: 0 }, filtered: true },
    { name: 'a score needs a team', input: { user: 'eve', team: '', score: 3 }, error: 'iterable' },
  ],
};

const EVENTS = `{"id": "{{uuid()}}", "user": "{{username()}}", "team": "{{random("Red Otters", "Blue Herons", "")}}", "score": {{integer(0, 9)}}, "at": {{timestamp()}}}`;

const SPEECH = 'the water rises and the gate opens\nand the water falls and the gate closes\n';
const TOPIC = 'projects/local/topics/scores';

export async function startDemo(t: Lifetime): Promise<Demo> {
  const home = await serviceFolder(t);
  const bucket = join(home, 'cloud/gs/demo');
  await mkdir(bucket, { recursive: true });
  await writeFile(join(bucket, 'speech.txt'), SPEECH.repeat(500));
  await writeFile(join(bucket, 'event.json'), EVENTS);
  await mkdir(join(home, 'udfs/score'), { recursive: true });
  await writeFile(join(home, 'udfs/score/score.js'), FUNCTION);
  await writeFile(join(home, 'udfs/score/cases.json'), JSON.stringify(CASES));
  const server = await serve(t as never, { home });
  const launch = async (template: string, name: string, parameters: Record<string, string>) => {
    const given = Object.entries(parameters).flatMap(([key, value]) => ['--parameters', `${key}=${value}`]);
    const { id } = await server.json(['launch', template, '--job-name', name, ...given]);
    return String(id);
  };
  const stream = await launch('Cloud_PubSub_to_GCS_Text', 'scores-to-files', {
    inputTopic: TOPIC,
    outputDirectory: 'gs://demo/scores/',
    outputFilenamePrefix: 'scores-',
    windowDuration: '5s',
    javascriptTextTransformGcsPath: 'udf://score',
    javascriptTextTransformFunctionName: 'score',
  });
  await launch('Streaming_Data_Generator', 'score-events', {
    schemaLocation: 'gs://demo/event.json',
    qps: '200',
    sinkType: 'PUBSUB',
    topic: TOPIC,
  });
  const done = await launch('Word_Count', 'count-words', {
    inputFile: 'gs://demo/speech.txt',
    output: 'gs://demo/words',
  });
  const failed = await launch('GCS_Text_to_GCS_Text', 'copy-yesterday', {
    inputFilePattern: 'gs://demo/yesterday/*.ndjson',
    outputDirectory: 'gs://demo/copied/',
  });
  await until(server, stream, ({ totals }) => Number(totals?.elements.deadLettered) > 500);
  await until(server, done, ({ state }) => state === 'DONE');
  await until(server, failed, ({ state }) => state === 'FAILED');
  return {
    url: server.url,
    pages: {
      catalog: '/templates',
      'catalog-found': '/templates?query=kafka&writes=BigQuery',
      'catalog-empty': '/templates?query=cobol',
      template: '/templates/Cloud_PubSub_to_GCS_Text',
      'template-large': '/templates/Game_Leaderboard',
      launch: '/templates/Kafka_to_BigQuery/launch',
      jobs: '/jobs',
      job: `/jobs/${stream}`,
      'job-done': `/jobs/${done}`,
      'job-messages': `/jobs/${stream}?tab=messages`,
      'job-parameters': `/jobs/${stream}?tab=parameters`,
      'job-workers': `/jobs/${stream}?tab=workers`,
      'job-stop': `/jobs/${stream}/stop?how=drain`,
      'job-failed': `/jobs/${failed}`,
      functions: '/functions',
      function: '/functions/score',
      'function-new': '/new-function',
      'function-versions': '/functions/score/versions',
      'dead-letters': '/dead-letters',
      'job-dead-letters': `/jobs/${stream}/dead-letters`,
      letter: await firstLetter(server.url, stream),
      system: '/system',
      tokens: '/system/tokens',
      audit: '/system/audit',
      'not-found': '/jobs/nobody',
      login: '/login',
    },
  };
}

/** The path of its page. */
async function firstLetter(url: string, job: string): Promise<string> {
  const html = await (await fetch(`${url}/jobs/${job}/dead-letters/found`)).text();
  const [, path] = /href="([^"]*\/letter\?[^"]*)"/.exec(html) ?? [];
  if (path === undefined) throw new Error(`${job} has no dead letter to be read`);
  return path.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
}

type Server = Awaited<ReturnType<typeof serve>>;

interface Progress {
  state: string;
  totals?: { elements: Record<string, number> };
}

const PATIENCE_MS = 300_000;

/** Waits until a job has come so far. */
async function until(server: Server, id: string, isThere: (job: Progress) => boolean): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (Date.now() < endMs) {
    const response = await fetch(`${server.url}/api/jobs/${id}`);
    const job = (await response.json()) as Progress & Record<string, unknown>;
    if (isThere(job)) return;
    if (['FAILED', 'CANCELLED'].includes(job.state)) throw new Error(`${id} ended: ${JSON.stringify(job)}`);
    await sleep(200);
  }
  throw new Error(`${id} has not come so far in ${PATIENCE_MS / 1000} s`);
}
