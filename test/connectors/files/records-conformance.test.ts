import { randomUUID } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  readFromAvro,
  readFromParquet,
  writeToAvro,
  writeToParquet,
} from '../../../src/connectors/files/index.ts';
import type { Component, SinkComponent, SourceComponent } from '../../../src/engine/component.ts';
import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { openSink, openSource, readTexts, writeRows } from './record-parts.ts';

const formats: [readFrom: Component, writeTo: Component, config: object][] = [
  [readFromAvro, writeToAvro, {}],
  [readFromParquet, writeToParquet, { row_group_buffer_size: 50_000 }],
];

for (const [readFrom, writeTo, config] of formats) {
  describeSource({
    component: readFrom as SourceComponent,
    bounded: true,
    textOf: element => JSON.parse(element).text,
    async make(_t, _proxy, home) {
      const folder = join(home, 'in');
      await mkdir(folder);
      const write = async (texts: readonly string[]) => {
        const sink = await openSink(writeTo, home, { path: join(folder, randomUUID()), ...config });
        await writeRows(
          sink,
          texts.map(text => ({ text })),
        );
      };
      return {
        config: { path: join(folder, '*') },
        async fill(texts) {
          const middle = texts.length >> 1;
          await write(texts.slice(0, middle));
          await write(texts.slice(middle));
        },
      };
    },
    refusals: {
      'a pattern that no file matches': {
        config: () => ({ path: '/nowhere/at-all-*' }),
        code: 'INPUT_NOT_FOUND',
        message: /no file matches \/nowhere\/at-all-\*/,
      },
      'a file of another format': {
        config: () => ({ path: import.meta.filename }),
        code: 'INPUT_UNREADABLE',
        message: /records-conformance\.test\.ts cannot be read: it is no file of /,
      },
    },
  });

  for (const schema of [{ type: 'record', name: 'Row', fields: fieldsOf() }, undefined])
    describeSink({
      component: writeTo as SinkComponent,
      closes: true,
      ...((writeTo === writeToAvro) === (schema !== undefined) && {
        killedElsewhere: 'the tests of File_Format_Conversion kill it',
      }),
      async make(t, _proxy, home) {
        const path = join(home, 'out/part');
        return {
          config: { path, ...(schema && { schema }) },
          read: () => idsIn(t, readFrom, home, `${path}*`),
        };
      },
      ...(schema && {
        bad: { element: '{"id":"none"}', message: /^id takes an integer of 64 bits, not the text "none"$/ },
        refusals: {
          'a folder that cannot be made': {
            config: () => ({ path: '/proc/nowhere/part', schema }),
            code: 'OUTPUT_UNWRITABLE',
            message: /\/proc\/nowhere/,
          },
          'a schema that is none': {
            config: () => ({ path: '/tmp/part', schema: { type: 'record' } }),
            code: 'SCHEMA_INVALID',
            message: /is no name of letters/,
          },
        },
      }),
    });
}

function fieldsOf(): object[] {
  return [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'], default: null },
  ];
}

async function idsIn(t: TestContext, readFrom: Component, home: string, path: string): Promise<number[]> {
  if (globSync(path).length === 0) return [];
  const source = await openSource(t, readFrom, home, { path });
  return (await readTexts(source)).map(text => JSON.parse(text).id);
}
