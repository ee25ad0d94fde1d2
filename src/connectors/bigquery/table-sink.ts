/** The sink of a table: rows staged in segments on disk, each of which a publisher appends to the table once. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { wordTable } from '../../cloud/warehouse/names.ts';
import { type Failure, selectElements } from '../../engine/batch.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { Json, Sink, StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { cutBack, type StagedFile, stagedFile } from '../../engine/staged-file.ts';
import { BEGINNING_OF_TIME, END_OF_TIME } from '../../engine/time.ts';
import { rowsOf } from '../../formats/rows.ts';
import { type TableField, wordField } from '../../formats/table-schema.ts';
import type { Target } from './table-home.ts';
import { inferSchema, reconcileFields, tableWriter } from './table-writer.ts';

/** Rows of one stretch of the job, as lines of JSON in a file. */
export interface Segment {
  number: number;
  /** Where its rows are, when there are any. */
  path: string;
  length: number;
  rows: number;
  longestLine: number;
  fields: readonly TableField[];
}

/** Appends segments to a table. */
export interface Publisher {
  /** Called before the checkpoint that seals the segment; what it gives is there again at `publish`. */
  prepare?(segment: Segment): Promise<Json>;
  /** Repeatable, also after a restart. Gives the fields that the table then has. */
  publish(segment: Segment, prepared: Json | undefined): Promise<readonly TableField[]>;
  /** How long a stream collects rows before they are published; absent: from one checkpoint to the next. */
  intervalMs?: number;
  close?(): Promise<void>;
}

/** What a checkpoint knows of the sink. */
interface SinkState {
  /** Its number; those before it are in the table. */
  segment: number;
  length: number;
  longestLine: number;
  rows?: number;
  /** It is complete: the commit appends it. */
  sealed: boolean;
  /** Absent: no row has told them yet. */
  fields?: TableField[];
  /** What the publisher has prepared. */
  prepared?: Json;
}

export async function openTableSink(
  target: Target,
  publisher: Publisher,
  context: StageContext,
): Promise<Sink> {
  const { table, evolve } = target;
  const { report } = context;
  const folder = await makeStageFolder(context);
  const pathOf = (segment: number) => join(folder, `${segment}.ndjson`);
  const restored = context.restored as unknown as SinkState | undefined;
  await restoreSegment(folder, restored, pathOf);

  let state: SinkState = restored ?? { segment: 1, length: 0, longestLine: 0, sealed: false };
  let isKnown = state.fields !== undefined || (target.existing ?? target.given) !== undefined;
  const writer = tableWriter(state.fields ?? firstFields(target), evolve, change =>
    report('INFO', `${wordTable(table)}: ${change}`),
  );
  let file: StagedFile = stagedFile(pathOf(state.segment), state.length);
  let longestLine = state.longestLine;
  let rowCount = state.rows ?? 0;
  let watermark = BEGINNING_OF_TIME;
  let publishedMs = 0;

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
          rowCount++;
          if (line.length > longestLine) longestLine = line.length;
        } else {
          refused.push(i);
          failures.push({ ...line, transform: context.stage });
        }
      }
      if (lines.length > 0) await file.append(Buffer.from(`${lines.join('\n')}\n`));
      return refused.length > 0 ? { failed: selectElements(batch, refused, failures) } : undefined;
    },
    advance(to) {
      watermark = to;
    },
    async prepare(): Promise<Json> {
      const length = await file.sync();
      if (length > state.length) await syncDirectory(folder);
      const isOver = watermark === END_OF_TIME;
      const isDue = Date.now() - publishedMs >= Math.max(publisher.intervalMs ?? 0, target.intervalMs ?? 0);
      const sealed = context.streaming ? length > 0 && (isDue || isOver) : isOver;
      state = {
        segment: state.segment,
        length,
        longestLine,
        rows: rowCount,
        sealed,
        ...(isKnown && { fields: [...writer.fields] }),
      };
      if (sealed && state.fields && publisher.prepare)
        state.prepared = await publisher.prepare(segmentOf(state, state.fields));
      return state as unknown as Json;
    },
    commit,
    outputs: () => [wordTable(table)],
    async close(ended) {
      // A stream that is cancelled has acknowledged what it collects.
      if (ended && context.streaming && state.length > 0) {
        await cutBack(pathOf(state.segment), state.length);
        state.sealed = true;
        await commit();
      }
      await publisher.close?.();
      if (ended) await rm(folder, { recursive: true, force: true });
    },
  };

  async function commit(): Promise<void> {
    if (!state.sealed) return;
    const { segment, prepared } = state;
    // Nothing came, and nothing is known of what might have: there is no table to make.
    if (state.fields) {
      const fields = await publisher.publish(segmentOf(state, state.fields), prepared);
      if (evolve) writer.replace(fields);
    }
    await rm(pathOf(segment), { force: true });
    publishedMs = Date.now();
    state = { segment: segment + 1, length: 0, longestLine: 0, sealed: false };
    longestLine = 0;
    rowCount = 0;
    file = stagedFile(pathOf(state.segment), 0);
  }

  function segmentOf(
    { segment, length, rows = 0, longestLine: longest }: SinkState,
    fields: TableField[],
  ): Segment {
    // A letter has up to three bytes in UTF-8 for each of its units.
    return { number: segment, path: pathOf(segment), length, rows, longestLine: 3 * longest, fields };
  }
}

/** What the table has, and what it is to take beyond that. */
function firstFields({ existing, given, evolve }: Target): readonly TableField[] {
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
