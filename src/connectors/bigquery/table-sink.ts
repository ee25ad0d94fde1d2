/** The sink of a table: rows staged in segments on disk, each appended to the table once, in one transaction. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { appendOnce } from '../../cloud/warehouse/append.ts';
import { type TableName, wordTable } from '../../cloud/warehouse/names.ts';
import type { TableOptions } from '../../cloud/warehouse/tables.ts';
import { type Failure, selectElements } from '../../engine/batch.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { Json, Sink, StageContext } from '../../engine/component.ts';
import { cutBack, type StagedFile, stagedFile } from '../../engine/staged-file.ts';
import { BEGINNING_OF_TIME, END_OF_TIME } from '../../engine/time.ts';
import { encodePayloads } from '../../formats/payloads.ts';
import { rowsOf } from '../../formats/rows.ts';
import { type TableField, wordField } from '../../formats/table-schema.ts';
import { makeStageFolder } from './stage-folder.ts';
import { inferSchema, reconcileFields, tableWriter } from './table-writer.ts';

export interface TableSinkSettings {
  table: TableName;
  /** The fields of the schema that the user gave. */
  given?: readonly TableField[];
  /** The fields of the table that is there. */
  existing?: readonly TableField[];
  evolve: boolean;
  create: boolean;
  disposition: 'append' | 'truncate' | 'empty';
  options: TableOptions;
}

/** What a checkpoint knows of the sink. */
interface SinkState {
  /** Its number; those before it are in the table. */
  segment: number;
  length: number;
  longestLine: number;
  /** It is complete: the commit appends it. */
  sealed: boolean;
  /** Absent: no row has told them yet. */
  fields?: TableField[];
}

export async function openTableSink(settings: TableSinkSettings, context: StageContext): Promise<Sink> {
  const { table, evolve } = settings;
  const { report } = context;
  const folder = await makeStageFolder(context);
  const pathOf = (segment: number) => join(folder, `${segment}.ndjson`);
  const restored = context.restored as unknown as SinkState | undefined;
  await restoreSegment(folder, restored, pathOf);

  let state: SinkState = restored ?? { segment: 1, length: 0, longestLine: 0, sealed: false };
  let isKnown = state.fields !== undefined || (settings.existing ?? settings.given) !== undefined;
  const writer = tableWriter(state.fields ?? firstFields(settings), evolve, change =>
    report('INFO', `${wordTable(table)}: ${change}`),
  );
  let file: StagedFile = stagedFile(pathOf(state.segment), state.length);
  let longestLine = state.longestLine;
  let watermark = BEGINNING_OF_TIME;

  return {
    async write(batch) {
      const rows = rowsOf(batch, context.input ?? { form: 'row' });
      if (!isKnown && rows.length > 0) {
        const fields = inferSchema(rows);
        report(
          'INFO',
          `${wordTable(table)}: the first ${rows.length} rows tell ${fields.map(wordField).join(', ')}`,
        );
        writer.replace(fields);
        isKnown = true;
      }
      const lines: string[] = [];
      const refused: number[] = [];
      const failures: Failure[] = [];
      for (const [i, row] of rows.entries()) {
        const line = writer.encode(row);
        if (typeof line === 'string') {
          lines.push(line);
          if (line.length > longestLine) longestLine = line.length;
        } else {
          refused.push(i);
          failures.push({ ...line, transform: context.stage });
        }
      }
      if (lines.length > 0) await file.append(encodePayloads(lines).bytes);
      return refused.length > 0 ? { failed: selectElements(batch, refused, failures) } : undefined;
    },
    advance(to) {
      watermark = to;
    },
    async prepare(): Promise<Json> {
      const length = await file.sync();
      if (length > state.length) await syncDirectory(folder);
      const isOver = watermark === END_OF_TIME;
      const sealed = context.streaming ? length > 0 : isOver;
      state = {
        segment: state.segment,
        length,
        longestLine,
        sealed,
        ...(isKnown && { fields: [...writer.fields] }),
      };
      return state as unknown as Json;
    },
    async commit() {
      if (!state.sealed) return;
      const { segment, length } = state;
      // Nothing came, and nothing is known of what might have: there is no table to make.
      if (state.fields) {
        const fields = await appendOnce(
          {
            table,
            fields: state.fields,
            // A letter has up to three bytes in UTF-8 for each of its units.
            ...(length > 0 && { rows: { path: pathOf(segment), longestLine: 3 * state.longestLine } }),
            position: {
              job: context.keptAs.jobId,
              stage: context.keptAs.stage,
              worker: context.worker.index,
              checkpoint: segment,
            },
            create: settings.create,
            disposition: settings.disposition,
            options: settings.options,
            ...(evolve && { reconcile: reconcileFields }),
          },
          context.config,
          {
            spillDirectory: join(folder, 'spill'),
            onWait: path => report('WARNING', `waiting for ${path}, which another process uses`),
          },
        );
        if (evolve) writer.replace(fields);
      }
      await rm(pathOf(segment), { force: true });
      state = { segment: segment + 1, length: 0, longestLine: 0, sealed: false };
      longestLine = 0;
      file = stagedFile(pathOf(state.segment), 0);
    },
    outputs: () => [wordTable(table)],
    async close(ended) {
      if (ended) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the table has, and what it is to take beyond that. */
function firstFields({ existing, given, evolve }: TableSinkSettings): readonly TableField[] {
  if (existing && given && evolve) return reconcileFields(existing, given);
  return existing ?? given ?? [];
}

/** Takes back what was staged after the checkpoint. */
async function restoreSegment(
  folder: string,
  state: SinkState | undefined,
  pathOf: (segment: number) => string,
): Promise<void> {
  const kept = state && state.length > 0 ? pathOf(state.segment) : undefined;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path !== kept) await rm(path, { recursive: true, force: true });
    else await cutBack(path, state?.length ?? 0);
  }
}
