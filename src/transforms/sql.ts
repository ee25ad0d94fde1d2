/** Sql: a query over the rows of each window, run by DuckDB when the window is over. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { queryLines, tablesOfQuery } from '../cloud/warehouse/query-lines.ts';
import type { Batch } from '../engine/batch.ts';
import {
  defineTransform,
  type ElementType,
  type Json,
  type Outcome,
  type StageContext,
  type Transform,
} from '../engine/component.ts';
import { BEGINNING_OF_TIME, END_OF_TIME, type Window } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';
import { type Inference, inferFields } from '../formats/infer-schema.ts';
import { readLines } from '../formats/read-lines.ts';
import { rowsOf, stringifyRow } from '../formats/rows.ts';
import type { TableField } from '../formats/table-schema.ts';
import { windowsAt } from './grouping/placement.ts';
import { type OpenWindow, type StoredWindows, WindowRows } from './sql/window-rows.ts';

/** The table of an input that has no name. */
const ONLY_TABLE = 'PCOLLECTION';

export const sql = defineTransform({
  name: 'Sql',
  summary: 'Runs a query over the rows of its inputs.',
  description:
    'The only input is the table `PCOLLECTION`; several have names, as in `input: {orders: Orders, users: Users}`. The ' +
    'query is one SELECT in the dialect of DuckDB, which may use nothing but its inputs. It is run for each window ' +
    'when that is over and its allowed lateness has passed, without windows at the end of the input; later rows are ' +
    'filtered. The columns of a table are the fields that its rows have had so far: one with values of several types ' +
    'is text, or JSON where lists or objects are among them. Rows wait on disk; what does not fit into the memory of ' +
    'the query spills to disk, too.',
  config: {
    type: 'object',
    required: ['query'],
    properties: {
      query: { type: 'string', minLength: 1, description: 'The query, e.g. `SELECT … FROM PCOLLECTION`.' },
    },
  } as const,
  whole: true,
  inputs: 'named',
  unnamed: true,
  examples: [
    {
      title: 'Totals of each customer',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{customer: ada, price: 10}, {customer: bob, price: 7}, {customer: ada, price: 5}]}
    - type: Sql
      config:
        query: SELECT customer, sum(price) AS total FROM PCOLLECTION GROUP BY customer ORDER BY customer
`,
      output: ['{"customer":"ada","total":15}', '{"customer":"bob","total":7}'],
    },
    {
      title: 'Two inputs',
      yaml: `
pipeline:
  transforms:
    - type: Create
      name: Orders
      config: {elements: [{id: 1, user: a}, {id: 2, user: b}]}
    - type: Create
      name: Users
      config: {elements: [{user: a, name: ada}]}
    - type: Sql
      input: {orders: Orders, users: Users}
      config: {query: 'SELECT id, name FROM orders LEFT JOIN users USING (user) ORDER BY id'}
`,
      output: ['{"id":1,"name":"ada"}', '{"id":2,"name":null}'],
    },
  ],
  // The rows themselves: any query may go on with them.
  state: () => ({}),
  output(input): ElementType {
    if (input.form !== 'failure') return { form: 'row' };
    throw new SluiceError(
      'PIPELINE_INVALID',
      'Sql takes no failed elements: put EncodeDeadLetters before it',
    );
  },
  open: ({ query }, context) => openSql(query, context),
});

/** What a checkpoint knows. */
interface State extends StoredWindows {
  fields: TableField[][];
  /** Null: nothing is known of the time yet. */
  watermark: number | null;
}

/** Rows are JSON: their text is text, and any name is one. */
const AS_IT_IS: Inference = { anyName: true, times: false };

async function openSql(query: string, context: StageContext): Promise<Transform> {
  const { stage, windowing, report } = context;
  if (windowing.type === 'sessions')
    throw new SluiceError(
      'PIPELINE_INVALID',
      `${stage}: a query has no key to make sessions of: use Combine`,
    );
  if (context.worker.count > 1)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${stage} queries all there is, which ${context.worker.count} workers each see a part of: run the job with one worker`,
    );
  const tables = await tableNames(query, context);
  const restored = context.restored as unknown as State | undefined;
  const folder = join(
    context.jobDirectory,
    'stages',
    createHash('sha256').update(context.keptAs.stage).digest('hex').slice(0, 32),
  );
  const windows = await WindowRows.open(folder, restored);
  const fields: TableField[][] = restored?.fields ?? tables.map(() => []);
  const latenessMs = windowing.type === 'global' ? 0 : (windowing.latenessMs ?? 0);
  let watermark = restored?.watermark ?? BEGINNING_OF_TIME;
  const isOver = ({ end }: Window) => end + latenessMs <= watermark;

  const process = async (batch: Batch, input = 0): Promise<Outcome> => {
    const type = context.inputs[input]?.type ?? context.input ?? { form: 'row' };
    const rows = rowsOf(batch, type);
    const lines = new Map<string, { window: Window; lines: string[] }>();
    let late = 0;
    for (const [i, row] of rows.entries()) {
      const open = windowsAt(batch, i, windowing).filter(window => !isOver(window));
      if (open.length === 0) late++;
      const line = open.length > 0 ? stringifyRow(row) : '';
      for (const window of open) {
        const key = `${window.start}_${window.end}`;
        const part = lines.get(key) ?? { window, lines: [] };
        lines.set(key, part);
        part.lines.push(line);
      }
    }
    fields[input] = inferFields(rows, fields[input], AS_IT_IS);
    for (const part of lines.values()) await windows.add(part.window, input, part.lines);
    return { good: [], merged: batch.count - late, filtered: late, late };
  };

  async function* run(over: OpenWindow): AsyncGenerator<Outcome> {
    const result = join(folder, 'result.ndjson');
    const given = tables.map((name, i) => {
      const rows = over.inputs[i];
      return {
        name,
        fields: distinct(fields[i] ?? [], name),
        // A letter has up to three bytes in UTF-8 for each of its units.
        ...(rows && { rows: { path: rows.file.path, longestLine: 3 * rows.longestLine } }),
      };
    });
    try {
      await queryLines(query, given, result, { spillDirectory: join(folder, 'spill') });
    } catch (error) {
      const unknown = given.find(table => table.fields.length === 0);
      if (!unknown || !(error instanceof SluiceError && error.code === 'QUERY_INVALID')) throw error;
      report(
        'WARNING',
        `${unknown.name} has had no rows, so nothing is known of its columns: ${error.message}`,
      );
      return;
    }
    yield* resultOf(result, over.window, windowing.type === 'sliding');
    await rm(result, { force: true });
  }

  return {
    process,
    async *advance(to) {
      watermark = Math.max(watermark, to);
      for (const over of await windows.take(isOver)) yield* run(over);
    },
    async snapshot(): Promise<Json> {
      const state: State = {
        ...(await windows.snapshot()),
        fields,
        watermark: Number.isFinite(watermark) ? watermark : null,
      };
      return state as unknown as Json;
    },
    commit: () => windows.commit(),
    close: ended => windows.close(ended),
  };
}

/** What the query calls each input. @throws SluiceError QUERY_INVALID when it reads something else */
async function tableNames(query: string, { inputs, stage }: StageContext): Promise<string[]> {
  const names = inputs.length === 1 ? [ONLY_TABLE] : inputs.map(({ name }, i) => name ?? `${ONLY_TABLE}${i}`);
  const known = new Set(names.map(name => name.toLowerCase()));
  const stranger = (await tablesOfQuery(query)).find(table => !known.has(table.toLowerCase()));
  if (stranger === undefined) return names;
  throw new SluiceError(
    'QUERY_INVALID',
    `${stage}: the query reads ${stranger}, and there is ${names.join(', ')}`,
  );
}

/** SQL does not tell names apart by case. */
function distinct(fields: readonly TableField[], table: string): readonly TableField[] {
  const names = new Map<string, string>();
  for (const { name } of fields) {
    const other = names.get(name.toLowerCase());
    if (other !== undefined)
      throw new SluiceError(
        'QUERY_INVALID',
        `${table} has fields that differ only by case: ${other} and ${name}`,
      );
    names.set(name.toLowerCase(), name);
  }
  return fields;
}

async function* resultOf(path: string, { start, end }: Window, isSliding: boolean): AsyncGenerator<Outcome> {
  const lines = await readLines(path, 0);
  try {
    for (let batch = await lines.next(); batch; batch = await lines.next()) {
      const { count } = batch;
      const timed: Batch =
        end === END_OF_TIME
          ? batch
          : {
              ...batch,
              // The last moment of the window, so that the row lies in it.
              times: new Float64Array(count).fill(end - 1),
              ...(isSliding && {
                windows: Float64Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? start : end)),
              }),
            };
      yield { good: [timed], created: count };
    }
  } finally {
    await lines.close();
  }
}
