/** EncodeDeadLetters: what failed, and why, as rows that can be written and replayed. */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { batchOf, columnsAt } from '../engine/batch.ts';
import { defineTransform, type StageContext } from '../engine/component.ts';
import { type DeadLetter, deadLetterOf, type KeptLetters, keptLettersFile } from '../engine/dead-letter.ts';
import { cutBack, type StagedFile, stagedFile } from '../engine/staged-file.ts';
import { SluiceError } from '../errors.ts';

export const encodeDeadLetters = defineTransform({
  name: 'EncodeDeadLetters',
  summary: 'Makes dead letters of failed elements.',
  description:
    'Reads an error output and gives one row per element: `id`, `job`, `template`, `transform`, `code`, `message`, ' +
    '`source`, `stack`, `attempts`, `time`, the `payload` as the source gave it (`payloadBase64` when it is not UTF-8), and what the ' +
    'message carried: `eventTime`, `attributes`, `messageId`, `publishTime`, `key`, `position`. The same element has the same `id` when ' +
    'it fails again after a restart.',
  config: {
    type: 'object',
    properties: {
      format: {
        enum: ['sluice', 'bigquery'],
        default: 'sluice',
        description:
          "`bigquery`: the columns of Google's dead-letter tables: `timestamp`, `payloadString`, `payloadBytes` (base64), `attributes` (a list of `key` and `value`), `errorMessage` (with the code) and `stacktrace`. The whole letters are kept in the folder of the job, for a replay.",
      },
    },
  } as const,
  examples: [
    {
      title: 'Failed elements in a file of their own',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config: {path: gs://bucket/in/events.ndjson}
    - type: ParseJson
      config: {error_handling: {output: errors}}
    - type: WriteToJson
      config: {path: gs://bucket/out/events}
  extra_transforms:
    - type: EncodeDeadLetters
      input: ParseJson.errors
    - type: WriteToJson
      name: WriteErrors
      input: EncodeDeadLetters
      config: {path: gs://bucket/out/errors}
`,
    },
  ],
  output: input => {
    if (input.form === 'failure') return { form: 'row' };
    throw new SluiceError(
      'PIPELINE_INVALID',
      'EncodeDeadLetters takes failed elements: its input is the error output of a transform, such as Udf.errors',
    );
  },
  open: async ({ format }, context) => {
    const kept = format === 'bigquery' ? await openKept(context) : undefined;
    return {
      async process(batch) {
        const all = Array.from({ length: batch.count }, (_, i) => i);
        const letters = all.map(i => deadLetterOf(batch, i, context));
        const lines = letters.map(letter => JSON.stringify(letter));
        await kept?.append(Buffer.from(`${lines.join('\n')}\n`));
        const rows = kept ? letters.map(letter => JSON.stringify(tableRow(letter))) : lines;
        return { good: [batchOf(rows, columnsAt(all, batch))] };
      },
      ...(kept && { snapshot: async () => ({ length: await kept.sync() }) satisfies KeptLetters }),
    };
  },
});

/** The rows of a table lack what a replay needs, so the letters themselves are kept with the job. */
async function openKept({ jobDirectory, stage, restored }: StageContext): Promise<StagedFile> {
  const path = keptLettersFile(jobDirectory, stage);
  const { length } = (restored as unknown as KeptLetters | undefined) ?? { length: 0 };
  await mkdir(dirname(path), { recursive: true });
  if (length > 0) await cutBack(path, length);
  else await rm(path, { force: true });
  return stagedFile(path, length);
}

/** A row of the dead-letter tables of Google's templates. */
function tableRow({
  eventTime,
  time,
  payload,
  payloadBase64,
  attributes = {},
  message,
  code,
  stack,
}: DeadLetter) {
  const bytes = Buffer.from(payload ?? payloadBase64 ?? '', payload === undefined ? 'base64' : 'utf8');
  return {
    timestamp: eventTime ?? time,
    payloadString: payload ?? bytes.toString(),
    payloadBytes: bytes.toString('base64'),
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
    errorMessage: `${message} [${code}]`,
    ...(stack !== undefined && { stacktrace: stack }),
  };
}
