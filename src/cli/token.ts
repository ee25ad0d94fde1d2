/** `sluice token`: the tokens of the API, in the store itself: no server is needed to make the first. */
import { type Command, Option } from 'commander';
import { type Role, roles } from '../access/roles.ts';
import type { Store } from '../store/store.ts';
import { printJson } from './output.ts';

export function registerToken(program: Command): void {
  const token = program.command('token').description('make, list and revoke the tokens of the API');
  token
    .command('create')
    .description('make a token, and show it this once')
    .requiredOption('--name <name>', 'what it is known by')
    .addOption(
      new Option('--role <role>', 'viewer: look; operator: launch and stop; admin: tokens too')
        .choices(roles)
        .makeOptionMandatory(),
    )
    .option('--json', 'print it as JSON')
    .action(create);
  token
    .command('list')
    .description('list the tokens, without what they are')
    .option('--json', 'print them as JSON')
    .action(list);
  token
    .command('revoke')
    .description('make a token worthless')
    .argument('<name>', 'its name')
    .option('--json', 'print its name as JSON')
    .action(revoke);
}

async function create({ name, role, json }: { name: string; role: Role; json?: boolean }): Promise<void> {
  await withStore(async store => {
    const { grantToken } = await import('../access/grants.ts');
    const token = grantToken({ store }, commandLine, name, role);
    if (json) printJson({ name, role, token });
    else process.stdout.write(`${token}\n`);
  });
}

async function list({ json }: { json?: boolean }): Promise<void> {
  await withStore(async store => {
    const { tokensIn } = await import('../access/tokens.ts');
    const tokens = tokensIn(store).list();
    if (json) printJson({ tokens });
    else
      for (const { name, role, created, lastUsed = 'never' } of tokens)
        process.stdout.write(`${name.padEnd(24)} ${role.padEnd(9)} made ${created}  used ${lastUsed}\n`);
  });
}

async function revoke(name: string, { json }: { json?: boolean }): Promise<void> {
  await withStore(async store => {
    const { withdrawToken } = await import('../access/grants.ts');
    withdrawToken({ store }, commandLine, name);
    if (json) printJson({ name });
  });
}

/** Who may use the files below SLUICE_HOME needs no token. */
const commandLine = { name: 'command line' };

async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const [{ loadConfig }, { openStore }] = await Promise.all([
    import('../config.ts'),
    import('../store/store.ts'),
  ]);
  const store = openStore(loadConfig());
  try {
    await work(store);
  } finally {
    store.close();
  }
}
