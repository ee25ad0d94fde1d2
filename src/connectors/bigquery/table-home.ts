/** Where tables are: what a sink asks of the local warehouse and of BigQuery alike. */
import type { TableName } from '../../cloud/warehouse/names.ts';
import type { TableOptions } from '../../cloud/warehouse/tables.ts';
import type { Sink } from '../../engine/component.ts';
import type { TableField } from '../../formats/table-schema.ts';

export interface Target {
  table: TableName;
  /** The fields of the schema that the user gave. */
  given?: readonly TableField[];
  /** The fields of the table that is there. */
  existing?: readonly TableField[];
  evolve: boolean;
  create: boolean;
  /** What a job does with the rows that were there before it. */
  disposition: 'append' | 'truncate' | 'empty';
  options: TableOptions;
  /** How long a stream collects rows at least. */
  intervalMs?: number;
}

export interface TableHome {
  /** The name with all that it means. */
  named(table: TableName): TableName;
  existing(table: TableName): Promise<{ fields: TableField[]; rows: number } | undefined>;
  open(target: Target): Promise<Sink>;
}
