/** `sluice pubsub`: the embedded Pub/Sub by hand, or the one `PUBSUB_EMULATOR_HOST` names. */
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../config.ts';
import { printJson } from './output.ts';

interface Options {
  json?: boolean;
}

export function registerPubsub(program: Command): void {
  const pubsub = program
    .command('pubsub')
    .description(
      'topics and subscriptions of the embedded Pub/Sub; `orders` means projects/local/topics/orders',
    );
  const json = ['--json', 'print one JSON document'] as const;
  pubsub
    .command('serve')
    .description('run it in the foreground, for other programs to use')
    .option('--port <port>', 'port on 127.0.0.1', wholeNumber(0, 65_535), 8085)
    .action(async ({ port }: { port: number }) => (await import('./pubsub-serve.ts')).serve(port));
  pubsub
    .command('create <topic>')
    .description('create a topic, and a subscription to it')
    .option('--subscription <subscription>', 'a subscription that keeps what is published from now on')
    .option(...json)
    .action(create);
  pubsub
    .command('publish <topic> [file]')
    .description('publish the lines of a file or of the standard input, a message a line')
    .option('--attribute <key=value>', 'an attribute of every message; may repeat', attribute, {})
    .option(...json)
    .action(async (topic: string, file: string | undefined, options: Options & { attribute: Attributes }) =>
      tell(
        options,
        await (await import('./pubsub-publish.ts')).publish(topic, file, options.attribute),
        ({ published, topic: to, subscriptions }) =>
          `published ${published} messages to ${to}${subscriptions === 0 ? '; it has no subscription, so nothing keeps them' : ''}`,
      ),
    );
  pubsub
    .command('pull <subscription>')
    .description('show messages that wait in a subscription, a line each')
    .option('--max <number>', 'how many at most', wholeNumber(1, 1_000_000), 10)
    .option('--ack', 'take them out of the subscription')
    .option(...json)
    .action(async (subscription: string, options: Options & { max: number; ack?: boolean }) =>
      (await import('./pubsub-pull.ts')).pull(subscription, options),
    );
  pubsub
    .command('list')
    .description('the topics there are, with their subscriptions')
    .option('--project <project>', 'only those of this project')
    .option(...json)
    .action(list);
}

type Attributes = Record<string, string>;

async function create(topic: string, options: Options & { subscription?: string }): Promise<void> {
  const [{ connectPubsub }, resources] = await Promise.all([
    import('../connectors/pubsub/client.ts'),
    import('../connectors/pubsub/resources.ts'),
  ]);
  const name = resources.checkedName('topics', topic);
  const subscription =
    options.subscription === undefined
      ? undefined
      : resources.checkedName('subscriptions', options.subscription);
  const connection = await connectPubsub(loadConfig());
  try {
    await resources.createTopic(connection, name);
    if (subscription) await resources.createSubscription(connection, subscription, name);
  } finally {
    await connection.close();
  }
  tell(options, { topic: name, ...(subscription && { subscription }) }, made =>
    Object.values(made)
      .map(each => `created ${each}`)
      .join('\n'),
  );
}

async function list(options: Options & { project?: string }): Promise<void> {
  const [{ connectPubsub }, { refused }, { ALL_PROJECTS, LOCAL_PROJECT }] = await Promise.all([
    import('../connectors/pubsub/client.ts'),
    import('../connectors/pubsub/resources.ts'),
    import('../cloud/pubsub/names.ts'),
  ]);
  const connection = await connectPubsub(loadConfig());
  const fallback = connection.embedded ? ALL_PROJECTS : LOCAL_PROJECT;
  const project = options.project === undefined ? fallback : `projects/${options.project}`;
  try {
    const [topics] = await connection.call(({ publisher }, call) => publisher.listTopics({ project }, call));
    const [all] = await connection.call(({ subscriber }, call) =>
      subscriber.listSubscriptions({ project }, call),
    );
    const listed = topics.map(({ name }) => ({
      name,
      subscriptions: all.filter(({ topic }) => topic === name).map(subscription => subscription.name),
    }));
    tell(options, { topics: listed }, () =>
      listed.length === 0
        ? 'there are no topics: `sluice pubsub create TOPIC` makes one'
        : listed.flatMap(topic => [topic.name, ...topic.subscriptions.map(each => `  ${each}`)]).join('\n'),
    );
  } catch (error) {
    throw refused(error, project);
  } finally {
    await connection.close();
  }
}

/** Prints the result as JSON or as a sentence. */
function tell<Result>({ json }: Options, result: Result, sentence: (result: Result) => string): void {
  if (json) printJson(result);
  else process.stdout.write(`${sentence(result)}\n`);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

function attribute(text: string, before: Attributes): Attributes {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be key=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
