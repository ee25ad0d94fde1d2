/** The name of a table in BigQuery. */
import { parseTableName } from '../../cloud/warehouse/names.ts';
import type { Kind } from './kind.ts';

export const bigqueryTable: Kind = {
  name: 'bigquery-table',
  help: 'The name of a table: `<project>:<dataset>.<table>`, `<project>.<dataset>.<table>` or `<dataset>.<table>`.',
  expected: () => 'the name of a table, <project>:<dataset>.<table> (of this machine: <dataset>.<table>)',
  parse: given => (isTable(given) ? given : undefined),
  widget: 'text',
  paramType: 'BIGQUERY_TABLE',
};

function isTable(given: string): boolean {
  try {
    parseTableName(given);
    return true;
  } catch {
    return false;
  }
}
