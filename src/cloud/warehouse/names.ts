/** Names of tables as BigQuery has them, and the database files that stand for their datasets. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { SluiceError, systemCode } from '../../errors.ts';

export interface DatasetName {
  project: string;
  dataset: string;
}

export interface TableName extends DatasetName {
  table: string;
}

/** The project of names that say none. */
export const LOCAL_PROJECT = 'local';

const PROJECT = /^[A-Za-z0-9][A-Za-z0-9.:-]{0,99}$/;
const DATASET = /^[A-Za-z0-9_]{1,200}$/;
const TABLE = /^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd} ]{1,1024}$/u;

/** The parts of `project:dataset.table`, `project.dataset.table` or `dataset.table`. @throws SluiceError PARAMETERS_INVALID */
export function parseTableName(name: string): TableName {
  const [, before = '', dataset = '', table = ''] = /^(?:(.+)[.:])?([^.:]+)\.([^.:]+)$/.exec(name) ?? [];
  const project = before || LOCAL_PROJECT;
  if (PROJECT.test(project) && DATASET.test(dataset) && TABLE.test(table)) return { project, dataset, table };
  throw new SluiceError(
    'PARAMETERS_INVALID',
    `"${name.slice(0, 300)}" names no table: write project:dataset.table, or dataset.table`,
  );
}

export const wordTable = ({ project, dataset, table }: TableName): string => `${project}:${dataset}.${table}`;

/**
 * The database of a dataset. DuckDB lets one process write to a file, or several read it: a file for each dataset
 * lets jobs that write to different datasets commit at the same time, while the tables that one job writes together,
 * a table and its dead letters, mostly lie in one.
 */
export function datasetFile({ project, dataset }: DatasetName, config: Config): string {
  // A colon belongs to a project's domain; not every file system has it in names.
  return join(warehouseDirectory(config), project.replaceAll(':', '%3A'), `${dataset}.duckdb`);
}

/** All datasets there are, by name. */
export async function listDatasets(config: Config): Promise<DatasetName[]> {
  const directory = warehouseDirectory(config);
  const datasets: DatasetName[] = [];
  for (const folder of (await namesIn(directory)).sort()) {
    for (const file of (await namesIn(join(directory, folder))).sort()) {
      const dataset = /^(.+)\.duckdb$/.exec(file)?.[1];
      if (dataset) datasets.push({ project: folder.replaceAll('%3A', ':'), dataset });
    }
  }
  return datasets;
}

/** A folder for each project, in which the datasets lie. */
export function warehouseDirectory({ home }: Config): string {
  return join(home, 'cloud', 'bigquery');
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(error => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  });
}
