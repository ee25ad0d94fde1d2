/** The source of a replay: the dead letters chosen for it, in the stead of what the pipeline read before. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { type LineReader, openLines } from '../connectors/files/line-reader.ts';
import { type Batch, batchOf, type Metadata, payloadOf } from '../engine/batch.ts';
import { defineSource, type Json, type StageContext } from '../engine/component.ts';
import type { DeadLetter } from '../engine/dead-letter.ts';
import { BEGINNING_OF_TIME } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';
import { parseLetter, payloadOfLetter } from './letter.ts';

/** The folder of a replay's letters. */
export const lettersFolder = (config: Config, jobId: string): string =>
  join(jobDirectory(config, jobId), 'letters');

/** The file of the letters that a replay gives in the stead of a source. */
export const lettersFile = (config: Config, jobId: string, source: string): string =>
  join(lettersFolder(config, jobId), `${encodeURIComponent(source)}.ndjson`);

/** What a checkpoint knows of a replay's source. */
export interface ReplayPosition {
  offset: number;
}

/** Not in the registry: only a replay puts it in the place of a source. */
export const readFromDeadLetters = defineSource({
  name: 'ReadFromDeadLetters',
  summary: 'Gives dead letters as the elements they were.',
  config: { type: 'object', properties: {} },
  examples: [],
  // The graph keeps what the source gave whose place it takes.
  output: () => ({ form: 'text', field: 'payload' }),
  async open(_, { config, jobId, stage, restored }: StageContext) {
    const reader = await openFile(lettersFile(config, jobId, stage), config, restored);
    return {
      async read() {
        const lines = await reader?.next();
        return lines ? elementsOf(lines) : 'end';
      },
      watermark: () => BEGINNING_OF_TIME,
      snapshot: (): Json => ({ offset: reader?.offset ?? 0 }) satisfies ReplayPosition,
      close: async () => reader?.close(),
    };
  },
});

/** Undefined where no letter is for this source. */
async function openFile(local: string, config: Config, restored?: Json): Promise<LineReader | undefined> {
  const { size, mtimeMs: modifiedMs } = await stat(local).catch(() => ({ size: 0, mtimeMs: 0 }));
  if (size === 0) return undefined;
  const position = restored as unknown as ReplayPosition | undefined;
  return openLines({ path: local, local, size, modifiedMs, start: 0, end: size }, config, position?.offset);
}

function elementsOf(lines: Batch): Batch {
  const letters = Array.from({ length: lines.count }, (_, i) => {
    const letter = parseLetter(payloadOf(lines, i));
    if (typeof letter !== 'string') return letter;
    throw new SluiceError('CHECKPOINT_UNUSABLE', `a letter of the replay was changed: ${letter}`);
  });
  const times = letters.map(timeOf);
  const areTimed = times.some(time => time !== undefined);
  return batchOf(letters.map(payloadOfLetter), {
    metadata: letters.map(metadataOf),
    replayed: letters.map(({ id, attempts, position }) => ({ id, attempts, position })),
    ...(areTimed && { times: Float64Array.from(times, (time, i) => time ?? failedAt(letters[i])) }),
  });
}

/** Event time, so that an element goes to the window it belongs to. */
function timeOf({ eventTime, publishTime }: DeadLetter): number | undefined {
  const text = eventTime ?? publishTime;
  return text === undefined ? undefined : Date.parse(text);
}

/** Only a letter that others wrote has no time among those that have. */
const failedAt = (letter?: DeadLetter): number => Date.parse(letter?.time ?? '') || Date.now();

function metadataOf({ messageId, publishTime, attributes, key }: DeadLetter): Metadata {
  return {
    ...(messageId !== undefined && { messageId }),
    ...(publishTime !== undefined && { publishTime }),
    ...(attributes && { attributes }),
    ...(key !== undefined && { key }),
  };
}
