/** Queries of users: one SELECT each, that reaches the tables it is given and nothing else of the machine. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { SluiceError } from '../../errors.ts';
import { identifier, literal } from './duckdb.ts';
import { exportExpression } from './types.ts';

/** The query as DuckDB reads it: BigQuery puts names in backticks. */
export function translateQuery(sql: string): string {
  // Strings, names and comments stay what they are.
  const parts = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|`([^`]*)`/g;
  const translated = sql.replace(parts, (whole: string, name: string | undefined) =>
    name === undefined ? whole : splitName(name).map(identifier).join('.'),
  );
  return translated.replace(/[\s;]+$/, '');
}

/** The names of the tables a query reads, each as its parts. @throws SluiceError QUERY_INVALID unless it is one SELECT */
export async function tablesOf(connection: DuckDBConnection, sql: string): Promise<string[][]> {
  const found = await connection.runAndReadAll('SELECT json_serialize_sql(CAST($sql AS VARCHAR))', { sql });
  const parsed: { error?: boolean; error_message?: string; statements?: unknown[] } = JSON.parse(
    String(found.getRows()[0]?.[0]),
  );
  if (parsed.error) {
    const why = parsed.error_message ?? '';
    throw invalid(/only select/i.test(why) ? 'only a SELECT can be run' : why);
  }
  if (parsed.statements?.length !== 1) throw invalid('it is not one SELECT');
  return findTables(parsed.statements);
}

/** From here on the connection reaches no file but these, and nothing can loosen that. */
export async function lockDown(connection: DuckDBConnection, paths: readonly string[]): Promise<void> {
  await connection.run(`SET allowed_paths = [${paths.map(literal).join(', ')}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** Writes the result as lines of JSON, in its order; gives the names of its columns. @throws SluiceError QUERY_INVALID */
export async function copyResult(connection: DuckDBConnection, sql: string, path: string): Promise<string[]> {
  try {
    // On lines of their own: the query may end in a comment.
    const shape = await connection.run(`SELECT * FROM (\n${sql}\n) LIMIT 0`);
    const types = shape.columnTypes();
    const names = shape.columnNames();
    const columns = names.map((name, i) => {
      const type = types[i];
      return `${type ? exportExpression(type, identifier(name)) : identifier(name)} AS ${identifier(name)}`;
    });
    await connection.run(
      `COPY (SELECT ${columns.join(', ')} FROM (\n${sql}\n)) TO ${literal(path)} (FORMAT json, USE_TMP_FILE false)`,
    );
    return names;
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    if (/No space left|max_temp_directory_size|Out of Memory/i.test(line)) throw error;
    throw invalid(
      line.replace(/^(?:Binder|Catalog|Parser|Conversion|Invalid Input|Permission|IO) Error: /, ''),
      error,
    );
  }
}

const invalid = (why: string, cause?: unknown): SluiceError =>
  new SluiceError('QUERY_INVALID', `the query cannot be run: ${why}`, { cause });

/** `project:dataset.table` and `project.dataset.table`; a project may hold dots and colons itself. */
function splitName(name: string): string[] {
  const [, project, dataset, table] = /^(?:(.+)[.:])?([^.:]+)\.([^.:]+)$/.exec(name) ?? [];
  return [project, dataset, table].every(part => part === undefined)
    ? [name]
    : [project, dataset, table].filter(part => part !== undefined);
}

/** Walks the syntax tree: tables, but for the names that the query gives to its own parts. */
function findTables(statements: unknown[]): string[][] {
  const tables = new Map<string, string[]>();
  const own = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const each of value) walk(each);
    else {
      const { type, catalog_name, schema_name, table_name, cte_map } = value as Record<string, unknown>;
      if (type === 'BASE_TABLE') {
        const parts = [catalog_name, schema_name, table_name]
          .map(part => String(part ?? ''))
          .filter(part => part !== '');
        tables.set(JSON.stringify(parts), parts);
      }
      for (const name of ownNames(cte_map)) own.add(name.toLowerCase());
      for (const each of Object.values(value)) walk(each);
    }
  };
  walk(statements);
  return [...tables.values()].filter(parts => parts.length > 1 || !own.has(parts[0]?.toLowerCase() ?? ''));
}

function ownNames(cteMap: unknown): string[] {
  const { map } = (cteMap ?? {}) as { map?: { key?: unknown }[] };
  return Array.isArray(map) ? map.map(({ key }) => String(key)) : [];
}
