/** `sluice query`: a SELECT over the tables of the local warehouse, also while jobs write to them. */
import type { Command } from 'commander';

interface QueryOptions {
  json?: boolean;
  csv?: boolean;
}

export function registerQuery(program: Command): void {
  program
    .command('query')
    .description('run a SELECT over the tables of the local warehouse')
    .argument('<sql>', 'the query, in the dialect of DuckDB; tables are named dataset.table')
    .option('--json', 'print the rows as a JSON array')
    .option('--csv', 'print the rows as CSV, with a header')
    .action(query);
}

async function query(sql: string, { json = false, csv = false }: QueryOptions): Promise<void> {
  const [{ mkdtemp, rm }, { tmpdir }, { join }, { loadConfig }, { selectToFile }, print] = await Promise.all([
    import('node:fs/promises'),
    import('node:os'),
    import('node:path'),
    import('../config.ts'),
    import('../cloud/warehouse/select.ts'),
    import('./query-output.ts'),
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-query-'));
  try {
    const path = join(folder, 'result.ndjson');
    const columns = await selectToFile(sql, path, loadConfig(), {
      spillDirectory: join(folder, 'spill'),
      onWait: () => process.stderr.write('waiting for a job that is writing …\n'),
    });
    if (json) await print.printJsonRows(path);
    else if (csv) await print.printCsvRows(path, columns);
    else await print.printTable(path, columns);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
