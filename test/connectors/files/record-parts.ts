/** What tests of record files have in common. */
import type { TestContext } from 'node:test';
import type { Component, Json, Sink, Source, StageContext } from '../../../src/engine/component.ts';
import { END_OF_TIME } from '../../../src/engine/time.ts';
import { type Row, rowBatch } from '../../../src/formats/rows.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';

const { signal } = new AbortController();

export async function openSink(
  component: Component,
  folder: string,
  config: object,
  more: Partial<StageContext> = {},
): Promise<Sink> {
  if (component.kind !== 'sink') throw new Error(`${component.name} is no sink`);
  return component.open(config, contextOf(folder, { input: { form: 'row' }, ...more }));
}

export async function openSource(
  t: TestContext,
  component: Component,
  folder: string,
  config: object,
  more: Partial<StageContext> = {},
): Promise<Source> {
  if (component.kind !== 'source') throw new Error(`${component.name} is no source`);
  const source = await component.open(config, contextOf(folder, more));
  t.after(() => source.close(true));
  return source;
}

/** The state of a checkpoint, as a restart has it. */
export const stateOf = async (part: Sink | Source): Promise<Json> =>
  JSON.parse(JSON.stringify('prepare' in part ? await part.prepare() : part.snapshot()));

/** Writes all rows and publishes them; gives what was refused, in words. */
export async function writeRows(sink: Sink, rows: readonly Row[], batchSize = 1000): Promise<string[]> {
  const refused: string[] = [];
  for (let i = 0; i < rows.length; i += batchSize) {
    const { failed } = (await sink.write(rowBatch(rows.slice(i, i + batchSize)))) ?? {};
    refused.push(...(failed?.failures ?? []).map(({ code, message }) => `${code}: ${message}`));
  }
  sink.advance?.(END_OF_TIME);
  await sink.prepare();
  await sink.commit();
  await sink.close(true);
  return refused;
}

/** JSON text of each row there is. */
export async function readTexts(source: Source): Promise<string[]> {
  const texts: string[] = [];
  for (let batch = await source.read(signal); typeof batch === 'object'; batch = await source.read(signal))
    texts.push(...textsOf(batch));
  return texts;
}

export const readOne = async (source: Source): Promise<string[] | undefined> => {
  const batch = await source.read(signal);
  return typeof batch === 'object' ? textsOf(batch) : undefined;
};
