import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFromText, writeToJson } from '../../../src/connectors/files/index.ts';
import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';

describeSource({
  component: readFromText,
  bounded: true,
  async make(_t, _proxy, home) {
    const folder = join(home, 'in');
    await mkdir(folder);
    return {
      config: { path: join(folder, '*') },
      async fill(texts) {
        const middle = texts.length >> 1;
        for (const part of [texts.slice(0, middle), texts.slice(middle)])
          await appendFile(join(folder, randomUUID()), part.map(text => `${text}\n`).join(''));
      },
    };
  },
  refusals: {
    'a pattern that no file matches': {
      config: () => ({ path: '/nowhere/at-all-*' }),
      code: 'INPUT_NOT_FOUND',
      message: /no file matches \/nowhere\/at-all-\*/,
    },
  },
});

describeSink({
  component: writeToJson,
  closes: true,
  async make(_t, _proxy, home) {
    const path = join(home, 'out/part');
    return {
      config: { path },
      read: async () =>
        globSync(`${path}*`).flatMap(file =>
          readFileSync(file, 'utf8')
            .split('\n')
            .flatMap(line => (line === '' ? [] : JSON.parse(line).id)),
        ),
    };
  },
  refusals: {
    'a folder that cannot be made': {
      config: () => ({ path: '/proc/nowhere/part' }),
      code: 'OUTPUT_UNWRITABLE',
      message: /\/proc\/nowhere/,
    },
  },
});
